import assert from 'node:assert/strict';
import { test } from 'node:test';

import { contextOf, promptOf, withContext } from '../src/chat/context.ts';
import { citationsIn, lastNamed } from '../src/chat/citations.ts';
import { toMarkup } from '../src/chat/markdown.ts';
import { grownBy } from '../src/chat/turn.svelte.ts';

const ANSWERED = Date.parse('2026-11-23T10:00:00Z');
const HOSTS = ['web1', 'web10', 'db'];

test('HTML in an answer is text', () => {
  for (const hostile of ['<img src=x onerror=alert(1)>', '<script>alert(1)</script>', 'a <b onclick=x>b</b>', '<svg/onload=x>']) {
    const markup = toMarkup(hostile);
    assert.doesNotMatch(markup, /<(img|script|svg|b)\b/i, markup);
  }
});

test('nothing in an answer is a link or is fetched', () => {
  const markup = toMarkup('[see](javascript:alert(1)) ![pixel](https://evil.example/p.png) https://evil.example');
  assert.doesNotMatch(markup, /<a\b|<img\b|href|src=/i);
  assert.match(markup, /see \(javascript&#58;alert|see \(javascript:alert/);
});

test('the usual Markdown is rendered', () => {
  assert.match(toMarkup('**bold** and `code`'), /<strong>bold<\/strong> and <code>code<\/code>/);
  assert.match(toMarkup('| a | b |\n| - | - |\n| 1 | 2 |'), /<table>[\s\S]*<td>1<\/td>/);
  assert.match(toMarkup('```rust\nlet a = "<b>";\n```'), /<pre tabindex="0"><code>let a = &#34;&#60;b&#62;&#34;;/);
});

test('a moment belongs to the host that was named last', () => {
  const text = '**db** is calm; web1 was busy at 2026-11-23T09:30:00Z, and at 04:15:10 UTC: CPU 97%.';
  const found = citationsIn(text, HOSTS, null, ANSWERED);
  assert.deepEqual(found.map(({ host }) => host), ['web1', 'web1']);
  assert.deepEqual(found.map(({ at }) => new Date(at).toISOString()), ['2026-11-23T09:30:00.000Z', '2026-11-23T04:15:10.000Z']);
  assert.equal(text.slice(found[1]!.start, found[1]!.end), '04:15:10 UTC');
});

test('a time of day that is still to come was yesterday', () => {
  const [found] = citationsIn('at 23:59 UTC', HOSTS, 'db', ANSWERED);
  assert.equal(new Date(found!.at).toISOString(), '2026-11-22T23:59:00.000Z');
});

test('a moment of no host, or of no time, is no citation', () => {
  assert.deepEqual(citationsIn('at 09:30:00 UTC', HOSTS, null, ANSWERED), []);
  assert.deepEqual(citationsIn('db at 99:99:99 UTC', HOSTS, null, ANSWERED), []);
});

test("a host's name inside another one is none", () => {
  assert.equal(lastNamed('web10 and my-db', HOSTS), 'web10');
  assert.equal(lastNamed('webserver', HOSTS), null);
});

test('parts of a draft come in order, once, and a new attempt begins anew', () => {
  const first = grownBy(null, { attempt: 1, seq: 1, text: 'a' });
  assert.deepEqual(first, { attempt: 1, seq: 1, text: 'a' });
  assert.equal(grownBy(first, { attempt: 1, seq: 1, text: 'a' }), first);
  assert.equal(grownBy(first, { attempt: 1, seq: 3, text: 'c' }), null);
  assert.deepEqual(grownBy(first, { attempt: 2, seq: 1, text: 'z' }), { attempt: 2, seq: 1, text: 'z' });
  assert.equal(grownBy(first, { attempt: 0, seq: 2, text: 'old' }), first);
});

test('a question keeps what it is about', () => {
  const context = contextOf('?host=web1&from=2026-11-23T09:00:00Z&to=2026-11-23T09:30:00Z');
  assert.equal(withContext('Why?', context), 'Why?\n\n(About web1, from 2026-11-23 09:00 UTC to 2026-11-23 09:30 UTC.)');
  assert.equal(withContext('Why?', contextOf('?host=web1&range=24h')), 'Why?\n\n(About web1, over the last 24 hours.)');
  assert.equal(contextOf('?prompt=x'), null);
  assert.equal(promptOf(`?prompt=${'x'.repeat(5000)}`).length, 2000);
});

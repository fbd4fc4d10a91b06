import assert from 'node:assert/strict';
import { test } from 'node:test';

import { isPlain } from '../src/login/plain.ts';
import { outcomeOf, spoken, standingOf } from '../src/login/standing.ts';
import { loginAddress, nextOf } from '../src/login/way.ts';

test('a page comes back to where it was, with host and range', () => {
  const path = '/?host=diagprobe-web1&from=2026-01-01T00:00:00.000Z&to=2026-01-02T00:00:00.000Z';
  const address = loginAddress(path);
  assert.equal(new URL(address, 'http://x').pathname, '/login');
  assert.equal(nextOf(new URL(address, 'http://x').search), path);
  assert.equal(loginAddress('/'), '/login');
});

test('no address leads to another server after a login', () => {
  const elsewhere = [
    'https://evil.example', '//evil.example', '/\\evil.example', '\\\\evil.example', 'javascript:alert(1)',
    '/\t/evil.example', '\n//evil.example', 'chat', '', '/ä', `/${'x'.repeat(2048)}`, '/login?next=/login',
  ];
  for (const next of elsewhere) {
    assert.equal(nextOf(`?${new URLSearchParams({ next })}`), '/', next);
  }
  assert.equal(nextOf(''), '/');
  assert.equal(nextOf('?next=%2Fchat'), '/chat');
});

test('plain is what others can read on the way', () => {
  const at = (url: string) => isPlain(new URL(url));
  for (const near of ['http://localhost:3000', 'http://127.0.0.1:3000', 'http://[::1]:3000', 'https://monitor.example']) {
    assert.equal(at(near), false, near);
  }
  for (const far of ['http://monitor.example', 'http://192.0.2.7:3000', 'http://localhost.evil.example']) {
    assert.equal(at(far), true, far);
  }
});

test('each answer to a password has its outcome', () => {
  const answer = (status: number, headers = {}) => outcomeOf(new Response(null, { status, headers }));
  assert.deepEqual(answer(204), { is: 'in' });
  assert.deepEqual(answer(401), { is: 'wrong' });
  assert.deepEqual(answer(429, { 'Retry-After': '8' }), { is: 'paused', seconds: 8 });
  assert.deepEqual(answer(429), { is: 'paused', seconds: 1 });
  assert.equal(answer(503).is, 'failed');
});

test('a pause is said as one says it', () => {
  assert.deepEqual([1, 8, 119, 120, 900].map(spoken), ['1 second', '8 seconds', '119 seconds', '2 minutes', '15 minutes']);
});

test('only a standing is a standing', () => {
  assert.deepEqual(standingOf({ login: 'required', session: true }), { login: 'required', session: true });
  for (const other of [null, 1, {}, { login: 'maybe', session: true }]) assert.equal(standingOf(other), null);
});

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { sentencesOf, summaryOf } from '../src/demo/mechanics.ts';
import { itemsOf } from '../src/demo/passing.ts';
import { envelopeNoteOf, mechanicsOf, outcomeOf } from '../src/demo/trail.ts';
import * as parse from '../src/messenger/parse.ts';

const [ORIGINAL, COPY, ANEW] = ['aa', '55', 'bb'];
const FIRST = {
  handshake: { one_time: true, kyber: 'one_time' }, chain: 'opened', counter: 0,
  post_quantum: { epoch: 1, index: 1, carries_piece: true },
};

function trail(fault: string | undefined, events: object[], held = false) {
  const at = '2026-11-30T12:00:00Z';
  return parse.trail({
    id: '1', from: 'alice', to: 'bob', at, held, ...(fault ? { fault } : {}),
    events: events.map((event) => ({ at, envelope: ORIGINAL, ...event })),
  });
}

test('a message that only arrives has mechanics on both sides and no outcome', () => {
  const it = trail(undefined, [{ what: 'sealed', mechanics: FIRST }, { what: 'opened', mechanics: FIRST }]);
  assert.equal(outcomeOf(it), null);
  assert.equal(summaryOf(mechanicsOf(it, 'opened')!), 'PreKey message, opens a session · no. 0 · PQ epoch 1');
  assert.equal(mechanicsOf(undefined, 'sealed'), undefined);
});

test('sentences say what was seen, and no more', () => {
  const { handshake: _, post_quantum: __, ...rest } = FIRST;
  const bare = parse.trail({ id: '1', to: 'bob', at: '2026-11-30T12:00:00Z', held: false, events: [
    { at: '2026-11-30T12:00:00Z', envelope: ORIGINAL, what: 'opened', mechanics: { ...rest, chain: 'turned' } },
  ] });
  const sentences = sentencesOf(mechanicsOf(bare, 'opened')!, 'opened').join(' ');
  assert.match(sentences, /Whisper message.*ratchet step/);
  assert.doesNotMatch(sentences, /SPQR/);
  const early = { ...FIRST, post_quantum: { epoch: 1, index: 0, carries_piece: true } };
  const sealed = mechanicsOf(trail(undefined, [{ what: 'sealed', mechanics: early }]), 'sealed')!;
  assert.match(sentencesOf(sealed, 'sealed').join(' '), /takes nothing in from there yet/);
  const last = { ...FIRST, handshake: { one_time: false, kyber: 'last_resort' } };
  const opened = mechanicsOf(trail(undefined, [{ what: 'opened', mechanics: last }]), 'opened')!;
  assert.match(sentencesOf(opened, 'opened').join(' '), /no one-time prekey was left.*last-resort Kyber/);
});

test('a flipped bit is told with its refusal and the true bytes that came', () => {
  const events = [
    { what: 'sealed' }, { what: 'flipped', envelope: COPY, bit: 1234 }, { what: 'refused', envelope: COPY, reason: 'seal' },
  ];
  const refused = outcomeOf(trail('tamper', events, true))!;
  assert.match(refused.words, /^bit 1234 flipped on the way → bob refused it: the seal is not authentic/);
  assert.equal(refused.mood, 'warn');
  const all = trail('tamper', [...events, { what: 'released' }, { what: 'opened' }]);
  assert.match(outcomeOf(all)!.words, /→ the true bytes were sent → arrived$/);
  assert.equal(envelopeNoteOf(all, COPY), 'alice’s text to bob, with bit 1234 flipped: refused, the seal is not authentic');
});

test('what is sealed again arrives as a new envelope', () => {
  const it = trail('drop', [
    { what: 'sealed' }, { what: 'dropped' }, { what: 'released' }, { what: 'asked', reason: 'undecryptable' },
    { what: 'sealed', envelope: ANEW }, { what: 'opened', envelope: ANEW },
  ]);
  assert.match(outcomeOf(it)!.words, /asked alice to seal it again → alice sealed it again → arrived as a new envelope$/);
});

test('a second copy is dropped and the message is there once', () => {
  const it = trail('replay', [
    { what: 'sealed' }, { what: 'repeated', envelope: COPY }, { what: 'opened' }, { what: 'duplicate', envelope: COPY },
  ]);
  assert.match(outcomeOf(it)!.words, /^published a second time → bob had these bytes before and dropped them → bob has it once$/);
});

test('the middle shows what passed with what is known of it, and what never did', () => {
  const it = trail('drop', [{ what: 'sealed' }, { what: 'dropped' }], true);
  const seen = { subject: 'sealed.20.bob.1', size: 9, hex: '11', at: '2026-11-30T12:00:01Z' };
  const headers: [string, string][] = [['Nats-Msg-Id', ANEW]];
  const items = itemsOf([{ key: 1, envelope: { ...seen, headers } }], new Map([[it.id, it]]));
  assert.deepEqual(items.map(({ note }) => note), ['', 'alice’s text to bob: kept from the bus']);
});

// How a message used its session, in words. Only what the device saw is said.

import type { Mechanics } from '../messenger/types.ts';

/** At whose side: as it was sealed, or as it was opened. */
export type Side = 'sealed' | 'opened';

/** One line. */
export function summaryOf(it: Mechanics): string {
  const { post_quantum: pq } = it;
  return [
    it.handshake ? `PreKey message${it.chain === 'opened' ? ', opens a session' : ''}` : 'Whisper message',
    ...(it.chain === 'turned' ? ['ratchet step'] : []),
    `no. ${it.counter}`,
    ...(pq ? [`PQ epoch ${pq.epoch}`] : []),
  ].join(' · ');
}

/** In whole sentences. */
export function sentencesOf(it: Mechanics, side: Side): string[] {
  return [handshake(it, side), chain(it), counter(it), postQuantum(it)].filter((sentence) => sentence !== '');
}

function handshake({ handshake: used, chain }: Mechanics, side: Side): string {
  if (!used) return 'A Whisper message: it continues a session that both sides have confirmed.';
  const ecKind = used.one_time ? 'the signed prekey and a one-time prekey (X25519)'
    : 'the signed prekey (X25519; no one-time prekey was left)';
  const kyber = {
    one_time: 'a one-time Kyber prekey',
    last_resort: 'the last-resort Kyber prekey',
    unknown: side === 'sealed' ? 'a Kyber prekey (the directory does not tell the sender of which kind)' : 'a Kyber prekey',
  }[used.kyber];
  const made = `${ecKind}, and ${kyber}`;
  return chain === 'opened'
    ? `A PreKey message: it opens a session (PQXDH) with the recipient's published keys: ${made}.`
    : `A PreKey message: the sender was not answered yet, so it repeats the handshake, made with ${made}. No further prekey is used.`;
}

function chain({ chain: kind }: Mechanics): string {
  return {
    opened: 'It begins the first chain of message keys.',
    turned: 'A Diffie-Hellman ratchet step: it carries a new ratchet key, so a new chain begins that nobody with the old keys can compute.',
    continued: 'Same ratchet key as before: only the chain moves on, by one hash for each message.',
  }[kind];
}

function counter({ counter: number }: Mechanics): string {
  return `It is number ${number} on its chain (they count from 0). Its key is used for this message and no other.`;
}

function postQuantum({ post_quantum: at }: Mechanics): string {
  if (!at) return '';
  const piece = at.carries_piece ? 'This message carries a piece of that.' : 'This message carries no piece of that.';
  const use = at.index === 0 ? 'Its key takes nothing in from there yet.'
    : `Its key also takes in number ${at.index} on the chain of epoch ${at.epoch - 1}.`;
  return `Post-quantum ratchet (SPQR): the secret of epoch ${at.epoch} is being agreed on. ${piece} ${use}`;
}

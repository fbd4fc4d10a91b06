// The middle panel's list: envelopes that passed, and those that the link kept from the bus.

import type { Envelope, Trail } from '../messenger/types.ts';
import { envelopeNoteOf } from './trail.ts';

export type Item =
  | { key: string; at: string; envelope: Envelope; note: string }
  | { key: string; at: string; envelope: null; note: string };

const ID = 'nats-msg-id';

/** Newest first. */
export function itemsOf(seen: { key: number; envelope: Envelope }[], trails: ReadonlyMap<string, Trail>): Item[] {
  const known = new Map<string, Trail>();
  for (const trail of trails.values()) trail.events.forEach((event) => known.set(event.envelope, trail));
  const passed = seen.map(({ key, envelope }): Item => {
    const id = envelope.headers.find(([name]) => name.toLowerCase() === ID)?.[1] ?? '';
    const trail = known.get(id);
    return { key: String(key), at: envelope.at, envelope, note: trail ? envelopeNoteOf(trail, id) : '' };
  });
  return [...passed, ...keptOf(trails)].sort((one, other) => Date.parse(other.at) - Date.parse(one.at));
}

function keptOf(trails: ReadonlyMap<string, Trail>): Item[] {
  return [...trails.values()].flatMap((trail) => trail.events.flatMap(({ what, at, envelope }): Item[] => {
    const why = { dropped: 'kept from the bus', delayed: 'held until the next text has passed' }[what];
    if (why === undefined) return [];
    const whose = `${trail.from ? `${trail.from}’s` : 'a'} text to ${trail.to}`;
    return [{ key: `kept-${envelope}`, at, envelope: null, note: `${whose}: ${why}${trail.held ? '' : '; it went later'}` }];
  }));
}

// What became of a message, in words: from what the devices and the link have reported.

import type { Happening, Mechanics, Trail } from '../messenger/types.ts';
import type { Side } from './mechanics.ts';

/** How it stands. */
export interface Outcome {
  mood: 'good' | 'warn';
  words: string;
}

/** The devices' reasons. */
const REASONS: Record<string, string> = {
  certificate_expired: "the sender's certificate had ended",
  guard: 'its counter is too far ahead',
  no_session: 'no session fits it any more',
  reused_key: 'its key had opened something else',
  seal: 'the seal is not authentic',
  undecryptable: 'no key that is left opens it',
  unknown_prekey: 'a prekey that it needs is gone',
};

/** How the message was sealed or opened last, where this was seen. */
export function mechanicsOf(trail: Trail | undefined, side: Side): Mechanics | undefined {
  return trail?.events.findLast(({ what }) => what === side)?.mechanics;
}

/** Absent where a message did nothing but arrive, or is on its way. */
export function outcomeOf(trail: Trail): Outcome | null {
  const steps = trail.events.map((event, at) => wordsOf(trail, event, at)).filter((words) => words !== '');
  if (trail.events.length === 0 && trail.held) steps.push('kept back since before the server was started');
  const arrived = trail.events.some(({ what }) => what === 'opened');
  if (arrived && steps.length > 0) {
    const last = trail.events.findLastIndex(({ what }) => what === 'opened');
    if (last === trail.events.length - 1) steps.push(arrivalOf(trail, trail.events[last]!));
    else steps.push(`${trail.to} has it once`);
  }
  if (steps.length === 0) return null;
  return { mood: arrived ? 'good' : 'warn', words: steps.join(' → ') };
}

/** What this page knows of one envelope, by its `Nats-Msg-Id`; the bus knows none of it. */
export function envelopeNoteOf(trail: Trail, envelope: string): string {
  const events = trail.events.filter((event) => event.envelope === envelope);
  const has = (what: string) => events.find((event) => event.what === what);
  const flipped = has('flipped');
  const whose = `${trail.from ? `${trail.from}’s` : 'a'} text to ${trail.to}`;
  const kind = flipped ? `, with bit ${flipped.bit} flipped` : has('repeated') ? ', the same bytes once more' : '';
  const refused = has('refused') ?? has('asked');
  const end = refused ? `: refused, ${reasonOf(refused)}` : has('duplicate') ? ': dropped, it was there before'
    : has('opened') ? ': opened' : '';
  return `${whose}${kind}${end}`;
}

/** What is held back, for those who wait for it. */
export function waitingOf(trail: Trail): string {
  const by = { drop: 'Lost on the way', tamper: 'Not arrived', reorder: 'Held until the next text', replay: 'Held' };
  return trail.fault ? by[trail.fault] : 'Held';
}

function wordsOf(trail: Trail, event: Happening, at: number): string {
  const from = trail.from ?? 'its sender';
  switch (event.what) {
    case 'sealed': return trail.events.findIndex(({ what }) => what === 'sealed') < at ? `${from} sealed it again` : '';
    case 'flipped': return `bit ${event.bit} flipped on the way`;
    case 'repeated': return 'published a second time';
    case 'dropped': return `lost on the way, though ${from}’s device believes it was sent`;
    case 'delayed': return 'held until the next text has passed';
    case 'released': return trail.fault === 'reorder' ? 'let go' : 'the true bytes were sent';
    case 'duplicate': return `${trail.to} had these bytes before and dropped them`;
    case 'refused': return `${trail.to} refused it: ${reasonOf(event)}${event.reason === 'seal' ? ', so nothing in it is believed, not even who sent it, and nobody is asked' : ''}`;
    case 'asked': return `${trail.to} could not open it (${reasonOf(event)}) and asked ${from} to seal it again`;
    default: return '';
  }
}

function arrivalOf(trail: Trail, opened: Happening): string {
  const first = trail.events.find(({ what }) => what === 'sealed');
  return first && first.envelope !== opened.envelope ? 'arrived as a new envelope' : 'arrived';
}

function reasonOf({ reason = '' }: Happening): string {
  return REASONS[reason] ?? reason.replaceAll('_', ' ');
}

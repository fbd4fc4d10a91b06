// One prompt, how far it came, and its answer.

import { MessengerError, wordsOf } from '../messenger/messenger.ts';
import type { ChatEntry, Delivery, Draft, DraftPart } from '../messenger/types.ts';

export const STEPS: Delivery[] = ['sealed', 'sent', 'delivered', 'answered'];

let count = 0;

export class Turn {
  /** Of this page only; the prompt's id comes with the server's answer. */
  readonly key = ++count;
  readonly prompt: string;
  readonly fresh: boolean;
  id = $state<string | null>(null);
  entry = $state.raw<ChatEntry | null>(null);
  draft = $state.raw<Draft | null>(null);
  failure = $state('');
  stopping = $state(false);
  began = $state(Date.now());
  #touched = Date.now();

  constructor(prompt: string, fresh = false) {
    this.prompt = prompt;
    this.fresh = fresh;
  }

  /** Whether an answer is still to come. */
  get waits(): boolean {
    return this.failure === '' && this.entry?.reply === undefined;
  }

  /** Milliseconds since anything was heard. */
  silentFor(): number {
    return Date.now() - this.#touched;
  }

  show(entry: ChatEntry): void {
    this.#touched = Date.now();
    this.id = entry.id;
    this.began = Date.parse(entry.times.sealed ?? '') || this.began;
    const before = this.entry;
    if (before && STEPS.indexOf(entry.state) < STEPS.indexOf(before.state)) return;
    this.entry = entry;
    if (entry.draft) this.#replace(entry.draft);
    if (entry.reply !== undefined) this.draft = null;
  }

  /** Adds a part to the answer that is being made; false if parts before it are missing. */
  grow(part: DraftPart): boolean {
    if (!this.waits) return true;
    this.#touched = Date.now();
    const grown = grownBy(this.draft, part);
    if (grown) this.draft = grown;
    return grown !== null;
  }

  fail(error: unknown): void {
    const unsure = error instanceof MessengerError && error.status === 0;
    this.failure = `${unsure ? 'Not confirmed' : 'Not sent'}: ${wordsOf(error)}.`;
  }

  #replace(draft: Draft): void {
    const known = this.draft;
    const older = known && (draft.attempt < known.attempt || (draft.attempt === known.attempt && draft.seq < known.seq));
    if (!older) this.draft = draft;
  }
}

/** A draft with one more part; as it was where the part is old; `null` where parts are missing. */
export function grownBy(draft: Draft | null, part: Draft): Draft | null {
  if (draft && (part.attempt < draft.attempt || (part.attempt === draft.attempt && part.seq <= draft.seq))) return draft;
  const [seq, text] = draft?.attempt === part.attempt ? [draft.seq, draft.text] : [0, ''];
  if (part.seq !== seq + 1) return null;
  return { attempt: part.attempt, seq: part.seq, text: text + part.text };
}

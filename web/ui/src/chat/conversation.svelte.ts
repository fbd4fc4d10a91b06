// All turns, kept up to date.

import type { Line } from '../frame/line.svelte.ts';
import { MessengerError, wordsOf } from '../messenger/messenger.ts';
import type { ChatEntry, DraftPart } from '../messenger/types.ts';
import { Turn } from './turn.svelte.ts';

/** How often to ask for an answer that events should bring, and without them. */
const CHECK_MS = 15_000;
const POLL_MS = 3000;

export class Conversation {
  turns = $state.raw<Turn[]>([]);
  loading = $state(true);
  trouble = $state('');
  #line: Line;

  constructor(line: Line) {
    this.#line = line;
  }

  /** Keeps it up to date while a component lives: `$effect(() => conversation.run())`. */
  run(): () => void {
    const { messenger } = this.#line;
    const stops = [
      messenger.on('fresh', () => void this.#read()),
      messenger.on('chat', (entry) => this.#take(entry)),
      messenger.on('delta', (part) => this.#grow(part)),
    ];
    const timer = setInterval(() => this.#check(), POLL_MS);
    void this.#read();
    return () => {
      stops.forEach((stop) => stop());
      clearInterval(timer);
    };
  }

  async ask(prompt: string, fresh = false): Promise<void> {
    const turn = new Turn(prompt, fresh);
    this.turns = [...this.turns, turn];
    try {
      const { id } = await this.#line.messenger.ask(prompt, fresh);
      // An event may have been quicker than the answer to the call.
      this.turns = this.turns.filter((other) => other === turn || other.id !== id);
      turn.id = id;
      await this.#refresh(turn);
    } catch (error) {
      turn.fail(error);
    }
  }

  /** Asks again in place of a turn that did not get out. */
  async retry(turn: Turn): Promise<void> {
    if (turn.failure !== '') this.turns = this.turns.filter((other) => other !== turn);
    await this.ask(turn.prompt, turn.fresh);
  }

  async stop(turn: Turn): Promise<void> {
    if (turn.id === null) return;
    turn.stopping = true;
    try {
      await this.#line.messenger.stop(turn.id);
    } catch (error) {
      turn.stopping = false;
      // 409: the answer was quicker.
      if (error instanceof MessengerError && error.status === 409) await this.#refresh(turn);
    }
  }

  async #read(): Promise<void> {
    try {
      for (const entry of await this.#line.messenger.chatHistory()) this.#take(entry);
      this.trouble = '';
    } catch (error) {
      this.trouble = `The conversation could not be read: ${wordsOf(error)}.`;
    } finally {
      this.loading = false;
    }
  }

  #take(entry: ChatEntry): void {
    const known = this.turns.find(({ id }) => id === entry.id);
    if (known) {
      known.show(entry);
      return;
    }
    const turn = new Turn(entry.prompt);
    turn.show(entry);
    this.turns = [...this.turns, turn];
  }

  /** More of an answer that is being made; where something is missing, all of it is asked for. */
  #grow(part: DraftPart): void {
    const turn = this.turns.find(({ id }) => id === part.id);
    if (turn && !turn.grow(part)) void this.#refresh(turn);
  }

  /** Asks for entries that have been silent for a while. */
  #check(): void {
    if (document.hidden) return;
    const patience = this.#line.connection === 'live' ? CHECK_MS : POLL_MS;
    for (const turn of this.turns) {
      if (turn.waits && turn.id !== null && turn.silentFor() >= patience) void this.#refresh(turn);
    }
  }

  async #refresh(turn: Turn): Promise<void> {
    if (turn.id === null) return;
    try {
      turn.show(await this.#line.messenger.chatEntry(turn.id));
    } catch {
      // The turn says how long it has been waiting, and the frame says what is wrong.
    }
  }
}

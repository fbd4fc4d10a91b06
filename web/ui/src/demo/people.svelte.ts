// Two people and what they wrote to each other, kept up to date.

import type { Line } from '../frame/line.svelte.ts';
import { MessengerError, wordsOf } from '../messenger/messenger.ts';
import type { DirectMessage, Fault, Trail } from '../messenger/types.ts';

/** While no events arrive. */
const POLL_MS = 2000;

/** A message as one of the two has it. */
export interface Shown {
  id: string;
  text: string;
  at: string;
  own: boolean;
  /** From whom, where it is not the usual other one. */
  from?: string;
  delivered: boolean;
}

export class Person {
  readonly name: string;
  readonly to: string;
  messages = $state.raw<Shown[]>([]);
  cursor = 0;

  constructor(name: string, to: string) {
    this.name = name;
    this.to = to;
  }

  put(message: Shown): void {
    const others = this.messages.filter(({ id }) => id !== message.id);
    this.messages = [...others, message].sort((a, b) => Date.parse(a.at) - Date.parse(b.at));
  }
}

export class People {
  left = $state.raw<Person | null>(null);
  right = $state.raw<Person | null>(null);
  trouble = $state('');
  /** What became of messages, by their ids. */
  trails = $state.raw<ReadonlyMap<string, Trail>>(new Map());
  #line: Line;
  #reading: Promise<void> | null = null;
  #again = false;

  constructor(line: Line) {
    this.#line = line;
  }

  /** Keeps them up to date while a component lives. */
  run(): () => void {
    const { messenger } = this.#line;
    const stops = [
      messenger.on('fresh', () => void this.#read()),
      messenger.on('direct', () => void this.#read()),
      messenger.on('trail', (trail) => this.#follow([trail])),
    ];
    const timer = setInterval(() => {
      if (this.#line.connection !== 'live' && !document.hidden) void this.#read();
    }, POLL_MS);
    void this.#read();
    return () => {
      stops.forEach((stop) => stop());
      clearInterval(timer);
    };
  }

  /** Whether it was taken; if not, `trouble` says why. */
  async send(from: Person, text: string, fault?: Fault): Promise<boolean> {
    try {
      const { id } = await this.#line.messenger.send(from.name, from.to, text, fault);
      const known = from.messages.some((message) => message.id === id);
      if (!known) from.put({ id, text, at: new Date().toISOString(), own: true, delivered: false });
      this.trouble = '';
      return true;
    } catch (error) {
      const unsure = error instanceof MessengerError && error.status === 0;
      this.trouble = `${unsure ? 'Not confirmed' : 'Not sent'}: ${wordsOf(error)}. Your text is still there.`;
      return false;
    }
  }

  /** Has what the link holds of a message go to the bus. */
  async release(id: string): Promise<void> {
    try {
      await this.#line.messenger.release(id);
      this.trouble = '';
    } catch (error) {
      this.trouble = `Not sent again: ${wordsOf(error)}.`;
    }
  }

  /** Calls that overlap share one reading, and one more follows it. */
  #read(): Promise<void> {
    if (this.#reading) {
      this.#again = true;
      return this.#reading;
    }
    this.#reading = this.#readAll().finally(() => { this.#reading = null; });
    return this.#reading;
  }

  async #readAll(): Promise<void> {
    try {
      do {
        this.#again = false;
        await this.#meet();
        if (this.left && this.right) {
          await Promise.all([this.#pull(this.left, this.right), this.#pull(this.right, this.left)]);
          this.#follow(await this.#line.messenger.trails());
        }
      } while (this.#again);
      this.trouble = '';
    } catch (error) {
      this.trouble = `Messages could not be read: ${wordsOf(error)}. Trying again.`;
    }
  }

  #follow(trails: Trail[]): void {
    this.trails = new Map([...this.trails, ...trails.map((trail) => [trail.id, trail] as const)]);
    for (const { id, from, text, at, held } of trails) {
      const person = [this.left, this.right].find((one) => one?.name === from);
      // What is held is in nobody's inbox yet: after a page was loaded again, only this tells of it.
      if (held && text !== undefined && person && !person.messages.some((message) => message.id === id)) {
        person.put({ id, text, at, own: true, delivered: false });
      }
    }
  }

  async #meet(): Promise<void> {
    if (this.left) return;
    const { alice, bob } = await this.#line.messenger.about();
    this.left = new Person(alice, bob);
    this.right = new Person(bob, alice);
  }

  async #pull(person: Person, other: Person): Promise<void> {
    for (;;) {
      const { messages, cursor } = await this.#line.messenger.pull(person.name, person.cursor);
      for (const message of messages) take(person, other, message);
      if (cursor === person.cursor) return;
      person.cursor = cursor;
    }
  }
}

function take(person: Person, other: Person, { id, text, from, sent_at: at }: DirectMessage): void {
  const usual = from === other.name;
  person.put({ id, text, at, own: false, delivered: true, ...(usual ? {} : { from }) });
  if (usual) other.put({ id, text, at, own: true, delivered: true });
}

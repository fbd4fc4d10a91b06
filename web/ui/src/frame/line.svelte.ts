// How the page is connected: to the web server, and it to the bus. One a page.

import type { Connection, Messenger } from '../messenger/messenger.ts';
import { MessengerError } from '../messenger/messenger.ts';
import type { About, Link } from '../messenger/types.ts';
import { plural } from '../reading/format.ts';

/** How often to ask while no events arrive. */
const POLL_MS = 5000;

export type Mood = 'idle' | 'good' | 'warn' | 'bad';

export class Line {
  readonly messenger: Messenger;
  connection = $state<Connection>('connecting');
  reached = $state(true);
  link = $state.raw<Link | null>(null);
  about = $state.raw<About | null>(null);
  #verdict = $derived(judge(this.connection, this.reached, this.link));

  constructor(messenger: Messenger) {
    this.messenger = messenger;
  }

  /** Mood, word and sentence for the pill in the frame. */
  get verdict(): [Mood, string, string] {
    return this.#verdict;
  }

  /** Listens while a component lives: `$effect(() => line.run())`. */
  run(): () => void {
    const { messenger } = this;
    const stops = [
      messenger.on('fresh', () => void this.#read()),
      messenger.on('connection', (connection) => { this.connection = connection; }),
      messenger.on('link', (link) => {
        this.link = link;
        this.reached = true;
      }),
    ];
    const timer = setInterval(() => {
      if (this.connection !== 'live' && !document.hidden) void this.#read();
    }, POLL_MS);
    messenger.start();
    this.connection = messenger.connection;
    void this.#read();
    return () => {
      clearInterval(timer);
      stops.forEach((stop) => stop());
    };
  }

  async #read(): Promise<void> {
    try {
      this.about ??= await this.messenger.about();
      this.link = await this.messenger.link();
      this.reached = true;
    } catch (error) {
      this.reached = error instanceof MessengerError && error.status > 0;
      this.link = null;
    }
  }
}

export function judge(connection: Connection, reached: boolean, link: Link | null): [Mood, string, string] {
  if (!reached) return ['bad', 'Server away', 'The web server cannot be reached. Trying again by itself.'];
  if (connection === 'reconnecting') {
    return ['warn', 'Reconnecting', 'The event stream broke. Asking every 5 s until it is back.'];
  }
  if (!link) return ['idle', 'Connecting', 'Waiting for the first word of the endpoint.'];
  if (!link.connected) {
    return ['bad', 'Bus away', `The bus is not connected; ${plural(link.outbox_waiting, 'sealed message')} wait.`];
  }
  if (link.relay === false) {
    return ['warn', 'Relay away', 'The bus is connected, the relay does not answer. Messages to known devices go on; new devices, new keys and machines elsewhere wait.'];
  }
  if (connection === 'live') return ['good', 'Live', 'The bus is connected and events arrive.'];
  return ['idle', 'Connecting', 'Opening the event stream.'];
}

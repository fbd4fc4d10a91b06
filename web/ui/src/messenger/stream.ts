// A stream of events that comes back by itself.
//
// It is closed while its page is hidden: a browser opens six connections to a host at most, and a
// few forgotten tabs would take them all.

import type { Connection } from './messenger.ts';

const RETRY_MAX_MS = 30_000;

export class EventStream {
  state: Connection = 'connecting';
  #url: string;
  /** By the names of events; each gets its data as it came. */
  #handlers: Record<string, (data: string) => void>;
  #onState: (state: Connection) => void;
  #source: EventSource | null = null;
  #timer = 0;
  #failures = 0;

  constructor(url: string, handlers: Record<string, (data: string) => void>, onState: (state: Connection) => void) {
    this.#url = url;
    this.#handlers = handlers;
    this.#onState = onState;
  }

  open(): void {
    document.addEventListener('visibilitychange', this.#onVisibility);
    if (document.hidden) this.#setState('paused');
    else this.#connect();
  }

  close(): void {
    document.removeEventListener('visibilitychange', this.#onVisibility);
    this.#drop();
  }

  #onVisibility = (): void => {
    if (document.hidden) {
      this.#drop();
      this.#setState('paused');
    } else if (!this.#source) {
      this.#connect();
    }
  };

  #connect(): void {
    clearTimeout(this.#timer);
    const source = new EventSource(this.#url);
    this.#source = source;
    source.addEventListener('hello', () => {
      this.#failures = 0;
      this.#setState('live');
    });
    for (const [name, handle] of Object.entries(this.#handlers)) {
      source.addEventListener(name, (event) => handle(event.data));
    }
    source.onerror = () => {
      this.#setState('reconnecting');
      // After a broken connection the browser tries again by itself; after an error answer not.
      if (source.readyState === EventSource.CLOSED) this.#retry();
    };
  }

  #retry(): void {
    this.#drop();
    this.#failures += 1;
    const most = Math.min(RETRY_MAX_MS, 1000 * 2 ** this.#failures);
    this.#timer = window.setTimeout(() => this.#connect(), most * (0.5 + Math.random() / 2));
  }

  #drop(): void {
    clearTimeout(this.#timer);
    this.#source?.close();
    this.#source = null;
  }

  #setState(state: Connection): void {
    if (this.state === state) return;
    this.state = state;
    this.#onState(state);
  }
}

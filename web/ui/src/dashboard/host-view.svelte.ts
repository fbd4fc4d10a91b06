// The window of one host that is shown, kept up to date.

import type { Messenger } from '../messenger/messenger.ts';
import { wordsOf } from '../messenger/messenger.ts';
import type { Alert, Sample, Span, Window } from '../messenger/types.ts';
import { boundsOf } from './address.ts';
import { slid, withSample } from './courses.ts';

/** A chart is some hundred pixels wide; what comes within one of them is not drawn anew. */
const STEPS = 400;

/** The page's stream of events begins this soon after the page. */
const JUST_MS = 3000;

export class HostView {
  window = $state.raw<Window | null>(null);
  /** Of the host, those that were so at any time in the window. */
  alerts = $state.raw<Alert[]>([]);
  trouble = $state('');
  loading = $state(false);
  #messenger: Messenger;
  #span: Span = { range: '1h' };
  #host = '';
  #asked = 0;
  #began = 0;

  constructor(messenger: Messenger) {
    this.#messenger = messenger;
  }

  /** Shows another host or span; what was shown stays until the new one is here, if it may. */
  show(host: string, span: Span): void {
    if (host !== this.#host) [this.window, this.alerts] = [null, []];
    [this.#host, this.#span] = [host, span];
    void this.read();
  }

  async read(): Promise<void> {
    if (this.#host === '') return;
    const mine = ++this.#asked;
    this.#began = Date.now();
    this.loading = this.window === null;
    try {
      const window = await this.#messenger.window(this.#host, this.#span);
      if (mine !== this.#asked) return;
      this.window = window;
      this.trouble = '';
      // Charts do not wait for what is drawn behind them.
      void this.#readAlerts(window, mine);
    } catch (error) {
      if (mine !== this.#asked) return;
      this.trouble = `The history could not be read: ${wordsOf(error)}. Trying again.`;
    } finally {
      if (mine === this.#asked) this.loading = false;
    }
  }

  /** Takes one that has just begun or ended. */
  note(alert: Alert): void {
    if (alert.host !== this.#host) return;
    this.alerts = [alert, ...this.alerts.filter(({ id }) => id !== alert.id)];
  }

  /** Reads again, unless it was just begun. */
  refresh(): void {
    if (Date.now() - this.#began > JUST_MS) void this.read();
  }

  async #readAlerts({ host, from, to }: Window, mine: number): Promise<void> {
    try {
      const alerts = await this.#messenger.alertsIn(host, from, to);
      if (mine === this.#asked) this.alerts = alerts;
    } catch {
      // What is known of them stays; they are read again with the window.
    }
  }

  /** Adds a sample that just came, where the window reaches up to now and would show it. */
  append(sample: Sample): void {
    if (!this.window || !('range' in this.#span)) return;
    const [from, to] = boundsOf(this.#span);
    if (to - this.window.to < (to - from) / STEPS) return;
    this.window = slid(withSample(this.window, sample), from, to);
  }
}

// All hosts, alerts and the usage of the model, kept up to date.

import type { Line } from '../frame/line.svelte.ts';
import { wordsOf } from '../messenger/messenger.ts';
import type { Alert, HostStatus, Usage } from '../messenger/types.ts';
import { inOrder } from '../reading/format.ts';

/** While no events arrive. */
const POLL_MS = 5000;
/** While they do. */
const REFRESH_MS = 60_000;
/** Alerts that are over, kept in sight. */
const RESOLVED_MAX = 8;

export class Fleet {
  hosts = $state.raw<HostStatus[]>([]);
  /** `null` where nothing watches. */
  alerts = $state.raw<Alert[] | null>(null);
  usage = $state.raw<Usage | null>(null);
  /** Whether the hosts were told at all. */
  known = $state(false);
  trouble = $state('');
  #line: Line;

  constructor(line: Line) {
    this.#line = line;
  }

  /** The worst first, then the latest. */
  get firing(): Alert[] {
    const firing = (this.alerts ?? []).filter(({ state }) => state === 'firing');
    const weight = (alert: Alert) => (alert.severity === 'critical' ? 0 : 1);
    return firing.sort((a, b) => weight(a) - weight(b) || Date.parse(b.since) - Date.parse(a.since));
  }

  get resolved(): Alert[] {
    const over = (this.alerts ?? []).filter(({ state }) => state === 'resolved');
    return over.sort((a, b) => Date.parse(b.until ?? b.since) - Date.parse(a.until ?? a.since)).slice(0, RESOLVED_MAX);
  }

  /** Keeps it up to date while a component lives: `$effect(() => fleet.run())`. */
  run(): () => void {
    const { messenger } = this.#line;
    const stops = [
      messenger.on('fresh', () => void this.#read()),
      messenger.on('host', (status) => this.#take(status)),
      messenger.on('usage', (usage) => { this.usage = usage; }),
      messenger.on('alert', (alert) => {
        this.alerts = [alert, ...(this.alerts ?? []).filter(({ id }) => id !== alert.id)];
      }),
    ];
    const timers = [
      setInterval(() => { if (this.#line.connection !== 'live' && !document.hidden) void this.#read(); }, POLL_MS),
      setInterval(() => { if (!document.hidden) void this.#read(); }, REFRESH_MS),
    ];
    void this.#read();
    return () => {
      stops.forEach((stop) => stop());
      timers.forEach(clearInterval);
    };
  }

  async #read(): Promise<void> {
    const { messenger } = this.#line;
    try {
      const [status, alerts] = await Promise.all([messenger.status(), messenger.alerts()]);
      this.hosts = byName(status.hosts);
      this.usage = status.usage;
      this.alerts = alerts;
      this.known = true;
      this.trouble = '';
    } catch (error) {
      this.trouble = `The status could not be read: ${wordsOf(error)}. Trying again.`;
    }
  }

  #take(status: HostStatus): void {
    const before = this.hosts.find(({ host }) => host === status.host);
    // Counts that an event does not repeat still hold.
    this.hosts = byName([...this.hosts.filter(({ host }) => host !== status.host), { ...before, ...status }]);
    this.known = true;
  }
}

function byName(hosts: HostStatus[]): HostStatus[] {
  return [...hosts].sort((a, b) => inOrder(a.host, b.host));
}

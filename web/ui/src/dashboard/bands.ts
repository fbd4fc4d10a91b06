// When an alert was firing, as stretches of the chart that shows what it is about.

import type { Metric } from '../messenger/metrics.ts';
import type { Alert } from '../messenger/types.ts';
import { clock, day, plural } from '../reading/format.ts';

/** One stretch, in Unix milliseconds. */
export interface Band {
  from: number;
  to: number;
  severity: Alert['severity'];
  /** Whether it is so still. */
  open: boolean;
}

const DAY = 86_400_000;
/** Stretches that are told one by one. */
const TOLD_MAX = 3;

/** The agent's names for what charts have other names for. */
const NAMES: Record<string, Metric> = {
  cpu_percent: 'cpu_percent',
  load_1: 'load_1',
  memory_used_percent: 'memory_used_bytes',
  swap_used_percent: 'swap_used_bytes',
  disk_used_percent_max: 'disk_used_percent',
  celsius_max: 'temperature_celsius',
  received_bytes_per_s: 'network_received_bytes_per_s',
  sent_bytes_per_s: 'network_sent_bytes_per_s',
};

/** What a chart calls the number that an alert is about; `null` where it is about none. */
export function metricOf({ metric, rule }: Pick<Alert, 'metric' | 'rule'>): Metric | null {
  const name = metric ?? /^[a-z0-9_]+(?=>)/.exec(rule)?.[0] ?? '';
  return Object.hasOwn(NAMES, name) ? NAMES[name]! : null;
}

/** Of a host's alerts, those that a chart of these metrics shows, in a window that reaches to `now` at most. */
export function bandsOf(alerts: Alert[], metrics: Metric[], from: number, to: number): Band[] {
  return alerts.flatMap((alert): Band[] => {
    const metric = metricOf(alert);
    if (metric === null || !metrics.includes(metric)) return [];
    const open = alert.until === undefined;
    const [begin, end] = [Date.parse(alert.since), open ? to : Date.parse(alert.until!)];
    return end < from || begin > to ? []
      : [{ from: Math.max(from, begin), to: Math.min(to, end), severity: alert.severity, open }];
  }).sort((a, b) => a.from - b.from);
}

/** In words, for who does not see the shade; empty where there is none. */
export function bandsText(bands: Band[], from: number, to: number): string {
  if (bands.length === 0) return '';
  const at = (time: number) => (to - from > DAY ? `${day(time)}, ${clock(time)}` : clock(time));
  const one = (band: Band) => `${at(band.from)} to ${band.open ? 'now' : at(band.to)}`;
  const told = bands.slice(-TOLD_MAX).map(one).join('; ');
  const more = bands.length > TOLD_MAX ? `, the latest ${told}` : `, ${told}`;
  return `${plural(bands.length, 'alert')} in this time${more}`;
}

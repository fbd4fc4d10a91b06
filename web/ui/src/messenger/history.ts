// A window of courses out of the shorter history, for servers that tell no series.

import type { Point } from './parse.ts';
import type { Gap, Range, Series, Span, Window } from './types.ts';

const HOUR = 3_600_000;

export const RANGE_MS: Record<Range, number> = {
  '1h': HOUR,
  '12h': 12 * HOUR,
  '24h': 24 * HOUR,
  '7d': 7 * 24 * HOUR,
  '30d': 30 * 24 * HOUR,
};

/** A silence longer than this many usual steps is a gap. */
const GAP_STEPS = 3;
/** Two samples of the usual 10 s, missed, are no gap yet. */
const GAP_MIN_MS = 35_000;

/** What a point holds under which name, and what it is called in a series. */
const METRICS: [key: string, metric: string, label: string][] = [
  ['cpu_percent', 'cpu_percent', ''],
  ['load_1', 'load_1', ''],
  ['memory_used_bytes', 'memory_used_bytes', ''],
  ['swap_used_bytes', 'swap_used_bytes', ''],
  ['disk_used_percent_max', 'disk_used_percent', 'fullest'],
  ['received_bytes_per_s', 'network_received_bytes_per_s', 'all'],
  ['sent_bytes_per_s', 'network_sent_bytes_per_s', 'all'],
  ['celsius_max', 'temperature_celsius', 'hottest'],
];

/** Reads the shortest history that reaches back far enough, and cuts the span out of it. */
export async function windowOf(host: string, span: Span, read: (range: Range) => Promise<Point[]>,
  now = Date.now()): Promise<Window> {
  const [from, to] = 'range' in span ? [now - RANGE_MS[span.range], now] : [span.from, span.to];
  const range = 'range' in span ? span.range : reaching(now - from);
  const points = (await read(range)).filter(({ at }) => at >= from && at <= to);
  const step_ms = usualStep(points.map(({ at }) => at));
  const gaps = gapsOf(points.map(({ at }) => at), step_ms);
  const holes = new Map(gaps.map((gap) => [gap.from, gap]));
  // A hole has one moment without any value, which breaks the lines.
  const rows = points.flatMap((point) => {
    const hole = holes.get(point.at);
    return hole ? [point, { at: (hole.from + hole.to) / 2 } as Point] : [point];
  });
  return { host, from, to, step_ms, times: rows.map(({ at }) => at), series: seriesOf(rows), gaps };
}

/** The median distance of neighbouring moments. */
export function usualStep(times: number[]): number {
  const steps = times.slice(1).map((time, index) => time - times[index]!).sort((a, b) => a - b);
  return steps[steps.length >> 1] ?? 0;
}

export function gapsOf(times: number[], step: number): Gap[] {
  const longest = Math.max(GAP_MIN_MS, GAP_STEPS * step);
  return times.slice(1).flatMap((to, index) => {
    const from = times[index]!;
    return to - from > longest ? [{ from, to }] : [];
  });
}

function reaching(age: number): Range {
  const found = (Object.entries(RANGE_MS) as [Range, number][]).find(([, span]) => span >= age);
  return found?.[0] ?? '30d';
}

function seriesOf(rows: Point[]): Series[] {
  return METRICS.flatMap(([key, metric, label]) => {
    const mean = rows.map((row) => row[key] ?? null);
    if (mean.every((value) => value === null)) return [];
    const bound = (end: string) => rows.map((row) => row[`${key}_${end}`] ?? row[key] ?? null);
    return [{ metric, label, mean, min: bound('min'), max: bound('max') }];
  });
}

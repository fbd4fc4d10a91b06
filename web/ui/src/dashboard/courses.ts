// Which charts a window is shown in, and which lines each has.

import type { Metric } from '../messenger/metrics.ts';
import type { Sample, Series, Window } from '../messenger/types.ts';
import { bytes, celsius, inOrder, load, number, percent, rate } from '../reading/format.ts';
import { courseKey, measures } from './measures.ts';

export interface Line extends Series {
  /** What it is called beside its value; empty where the chart's title says it. */
  name: string;
}

export interface ChartSpec {
  title: string;
  /** What is measured in it. */
  metrics: Metric[];
  lines: Line[];
  /** Lines that are left out, since nobody could tell so many apart. */
  more: number;
  format: (value: number | null | undefined) => string;
  binary: boolean;
  /** The fixed upper end of the axis. */
  top?: number;
  /** The least upper end where it is not fixed. */
  floor: number;
  /** Shown as rows whose strength is the value, since they are too many for lines. */
  rows: boolean;
}

interface Kind {
  title: string;
  metrics: Words;
  format: (value: number | null | undefined) => string;
  binary?: boolean;
  /** The fixed upper end of the axis, where the host's memory is so large. */
  top?: (memory: number | undefined) => number | undefined;
  floor?: number;
  /** Shown only where anything is above zero. */
  quiet?: boolean;
  /** Many of them are rows, not lines. */
  rows?: boolean;
  /** Titles of one chart a metric, where several of each would make too many lines. */
  apart?: Words;
}

/** What each metric is called in a chart. */
type Words = Partial<Record<Metric, string>>;

/** More lines than this cannot be told apart. */
export const LINES_MAX = 8;
/** More than this in one chart, and each metric gets one of its own. */
const TOGETHER_MAX = 4;

const HUNDRED = () => 100;

const KINDS: Kind[] = [
  { title: 'CPU', metrics: { cpu_percent: '' }, format: percent, top: HUNDRED },
  { title: 'Cores', metrics: { cpu_core_percent: '' }, format: percent, top: HUNDRED, rows: true },
  {
    title: 'Memory',
    metrics: { memory_used_bytes: 'used', swap_used_bytes: 'swap' },
    format: bytes,
    binary: true,
    top: (memory) => memory,
    floor: 1024 ** 2,
  },
  { title: 'Load', metrics: { load_1: '1 min', load_5: '5 min', load_15: '15 min' }, format: load, floor: 1 },
  { title: 'Disk use', metrics: { disk_used_percent: '' }, format: percent, top: HUNDRED },
  {
    title: 'Disk reads and writes',
    metrics: { disk_read_bytes_per_s: 'read', disk_write_bytes_per_s: 'write' },
    apart: { disk_read_bytes_per_s: 'Disk reads', disk_write_bytes_per_s: 'Disk writes' },
    format: rate,
    binary: true,
    floor: 1024,
  },
  {
    title: 'Network',
    metrics: { network_received_bytes_per_s: 'in', network_sent_bytes_per_s: 'out' },
    apart: { network_received_bytes_per_s: 'Network in', network_sent_bytes_per_s: 'Network out' },
    format: rate,
    binary: true,
    floor: 1024,
  },
  { title: 'Network errors', metrics: { network_errors: '' }, format: number, floor: 4, quiet: true },
  { title: 'Temperature', metrics: { temperature_celsius: '' }, format: celsius, floor: 40 },
  { title: 'Processes', metrics: { process_count: '' }, format: number, floor: 10 },
];

export function chartsOf(window: Window, memory?: number): ChartSpec[] {
  return KINDS.flatMap((kind) => parted(kind, window.series)).flatMap((kind) => {
    const all = linesOf(window.series, kind.metrics);
    if (all.length === 0 || (kind.quiet && !all.some((line) => line.max.some((value) => (value ?? 0) > 0)))) return [];
    const rows = kind.rows === true && all.length > TOGETHER_MAX;
    const lines = rows ? all : all.slice(0, LINES_MAX);
    const top = kind.top?.(memory);
    return [{
      title: kind.title,
      metrics: Object.keys(kind.metrics) as Metric[],
      lines,
      more: all.length - lines.length,
      format: kind.format,
      binary: kind.binary ?? false,
      floor: kind.floor ?? 1,
      rows,
      ...(top === undefined ? {} : { top }),
    }];
  });
}

/** One kind of chart, or one a metric where they would have too many lines together. */
function parted(kind: Kind, series: Series[]): Kind[] {
  if (!kind.apart || linesOf(series, kind.metrics).length <= TOGETHER_MAX) return [kind];
  return Object.entries(kind.apart).map(([metric, title]) => ({ ...kind, title, metrics: { [metric]: '' } as Words }));
}

/** The window with a sample that just came, unless the window's steps are too long to show it. */
export function withSample(window: Window, sample: Sample): Window {
  const at = Date.parse(sample.taken_at);
  const last = window.times.at(-1) ?? 0;
  if (!(at > last) || at - last < 0.9 * window.step_ms) return window;
  const found = measures(sample);
  const series = window.series.map((one) => {
    const value = found.get(courseKey(one.metric, one.label)) ?? null;
    return { ...one, ...changed(one, (values) => [...values, value]) };
  });
  return { ...window, times: [...window.times, at], series };
}

/** A window that slides with the time, without what has left it. */
export function slid(window: Window, from: number, to: number): Window {
  const gone = window.times.findIndex((time) => time >= from);
  const start = gone < 0 ? window.times.length : gone;
  if (start === 0) return { ...window, from, to };
  const series = window.series.map((one) => ({ ...one, ...changed(one, (values) => values.slice(start)) }));
  return { ...window, from, to, times: window.times.slice(start), series };
}

/** Whether a course has bounds of its own: where each value is one sample, it is its own bounds. */
export function hasBounds({ mean, min, max }: Pick<Series, 'mean' | 'min' | 'max'>): boolean {
  return min !== mean || max !== mean;
}

type Values = (number | null)[];

function changed(one: Series, change: (values: Values) => Values): Pick<Series, 'mean' | 'min' | 'max'> {
  const mean = change(one.mean);
  return hasBounds(one) ? { mean, min: change(one.min), max: change(one.max) } : { mean, min: mean, max: mean };
}

function linesOf(series: Series[], metrics: Words): Line[] {
  const order = Object.keys(metrics);
  const found = series.filter(({ metric, label }) => order.includes(metric) && label !== 'lo').sort((a, b) =>
    inOrder(a.label, b.label) || order.indexOf(a.metric) - order.indexOf(b.metric));
  const labels = new Set(found.map(({ label }) => label));
  return found.map((one) => ({ ...one, name: nameOf(metrics[one.metric as Metric] ?? '', one.label, labels.size) }));
}

function nameOf(word: string, label: string, labels: number): string {
  if (word === '') return label;
  return labels > 1 ? `${label} ${word}` : word;
}

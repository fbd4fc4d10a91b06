// How uPlot draws a chart: in the page's colours, with gaps as gaps and one cursor for all.

import uPlot from 'uplot';

import type { Gap } from '../messenger/types.ts';
import type { Band } from './bands.ts';
import { hasBounds, type ChartSpec } from './courses.ts';
import { drawRows } from './rows.ts';
import { timeTick, valueTicks } from './ticks.ts';

/** Charts with the same key share their cursor. */
const CURSOR_KEY = 'host';

/** Rows that are named on the axis. */
const ROW_NAMES_MAX = 8;

/** A selection narrower than this was a click. */
const DRAG_MIN_PX = 8;

const DASHES = [[], [7, 3], [3, 3], [], [7, 3], [3, 3], [], [7, 3]];

/** With more lines than this, the bounds of each would hide the others. */
const BANDS_MAX = 2;

/** What a plot asks for each time it draws, since it changes while the plot stays. */
export interface Scene {
  spec: ChartSpec;
  from: number;
  to: number;
  gaps: Gap[];
  bands: Band[];
  at: number | null;
}

export interface Handlers {
  /** The index under the cursor. */
  onPoint: (index: number | null) => void;
  onZoom: (from: number, to: number) => void;
}

export function colorOf(probe: HTMLElement, name: string): string {
  probe.style.color = `var(--${name})`;
  return getComputedStyle(probe).color;
}

/** Times, then the mean of each line, with its bounds where they are shown; rows are drawn by themselves. */
export function dataOf(times: number[], spec: ChartSpec): uPlot.AlignedData {
  if (spec.rows) return [times, times.map(() => null)] as uPlot.AlignedData;
  return [times, ...spec.lines.flatMap(({ mean, min, max }) => hasBands(spec) ? [mean, min, max] : [mean])] as uPlot.AlignedData;
}

export function optionsOf(scene: () => Scene, size: { width: number; height: number }, probe: HTMLElement,
  handlers: Handlers): uPlot.Options {
  const color = (name: string) => colorOf(probe, name);
  const [muted, line, surface] = [color('muted'), color('line'), color('surface')];
  const { spec } = scene();
  const colors = spec.rows ? ['transparent'] : spec.lines.map((_, index) => color(`course-${index}`));
  const accent = color('accent');
  const alerted = { warning: color('warn'), critical: color('bad') };
  const bands = hasBands(spec);
  const each = bands ? 3 : 1;
  const font = `11px ${getComputedStyle(probe).fontFamily}`;
  const axis = { stroke: muted, font, ticks: { show: false } };
  return {
    ...size,
    ms: 1,
    padding: [8, 8, 0, 0],
    legend: { show: false },
    scales: {
      x: { time: true, range: () => [scene().from, scene().to] },
      y: { range: () => [0, topOf(scene().spec)] },
    },
    axes: [
      {
        ...axis,
        size: 24,
        gap: 4,
        space: 76,
        grid: { show: false },
        values: (plot, splits, _axis, _space, step) => {
          const width = plot.bbox.width / devicePixelRatio;
          // One that the right edge would cut is left out.
          return splits.map((time) => plot.valToPos(time, 'x') > width - 18 ? '' : timeTick(time, step));
        },
      },
      {
        ...axis,
        size: (_plot, values) => 14 + 6.2 * Math.max(4, ...(values ?? []).map((text) => text.length)),
        gap: 6,
        grid: { show: !spec.rows, stroke: line, width: 1 },
        splits: () => ticksOf(scene().spec),
        values: (_plot, splits) => splits.map((value) => tickText(scene().spec, value)),
      },
    ],
    series: spec.rows ? [{}, { stroke: 'transparent', points: { show: false } }]
      : [{}, ...colors.flatMap((color, index) => seriesOf(color, index, colors.length, bands))],
    bands: !bands ? []
      : colors.map((color, index) => ({ series: [3 * index + 3, 3 * index + 2], fill: faded(color, 0.16) })),
    cursor: {
      y: false,
      drag: { x: true, y: false, setScale: false },
      sync: { key: CURSOR_KEY, filters: { pub: (type) => type === 'mousemove' || type === 'mouseleave', sub: () => true } },
      points: {
        size: 7,
        width: 1.5,
        stroke: (_plot, at) => (at - 1) % each === 0 && !spec.rows ? surface : 'transparent',
        fill: (_plot, at) => (at - 1) % each === 0 ? colors[(at - 1) / each] ?? muted : 'transparent',
      },
    },
    hooks: {
      drawClear: [(plot) => {
        drawBands(plot, scene().bands, alerted);
        drawGaps(plot, scene().gaps, line);
      }],
      draw: [(plot) => {
        if (scene().spec.rows) drawRows(plot, scene().spec.lines, accent);
        drawMark(plot, scene().at, muted);
      }],
      setCursor: [(plot) => handlers.onPoint(plot.cursor.idx ?? null)],
      setSelect: [(plot) => {
        const { left, width } = plot.select;
        if (width < DRAG_MIN_PX) return;
        plot.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
        handlers.onZoom(plot.posToVal(left, 'x'), plot.posToVal(left + width, 'x'));
      }],
    },
  };
}

export function hasBands({ rows, lines }: ChartSpec): boolean {
  return !rows && lines.length <= BANDS_MAX && lines.some(hasBounds);
}

function seriesOf(color: string, index: number, lines: number, bands: boolean): uPlot.Series[] {
  const bound: uPlot.Series = { stroke: 'transparent', width: 0, points: { show: false } };
  const mean: uPlot.Series = {
    stroke: color,
    width: 1.5,
    dash: DASHES[index] ?? [],
    points: { show: (plot, at, from, to) => isLone(plot.data[at], from, to), size: 4, fill: color },
    ...(lines === 1 ? { fill: faded(color, 0.08) } : {}),
  };
  return bands ? [mean, bound, bound] : [mean];
}

/** Whether a line has single values, which no stroke would show. */
function isLone(values: uPlot.AlignedData[number] | undefined, from: number, to: number): boolean {
  if (!values || to - from > 400) return false;
  for (let at = from; at <= to; at += 1) {
    const alone = values[at] != null && values[at - 1] == null && values[at + 1] == null;
    if (alone) return true;
  }
  return false;
}

function topOf(spec: ChartSpec): number {
  return spec.rows ? spec.lines.length : spec.top ?? ticksOf(spec).at(-1)!;
}

/** Rows are counted from the top, and named in their middle. */
function tickText(spec: ChartSpec, value: number): string {
  return spec.rows ? spec.lines[spec.lines.length - 1 - Math.floor(value)]?.name ?? '' : spec.format(value);
}

function ticksOf(spec: ChartSpec): number[] {
  if (spec.rows) {
    const step = Math.ceil(spec.lines.length / ROW_NAMES_MAX);
    return spec.lines.flatMap((_, row) => row % step === 0 ? [spec.lines.length - 0.5 - row] : []).reverse();
  }
  if (spec.top !== undefined) {
    const top = spec.top;
    return valueTicks(top, spec.binary).filter((tick) => tick <= top);
  }
  let largest = spec.floor;
  for (const line of spec.lines) {
    for (const value of line.max) if (value !== null && value > largest) largest = value;
  }
  return valueTicks(largest, spec.binary);
}

/** A shade where an alert was firing, with a stroke on top that does not depend on colour. */
function drawBands(plot: uPlot, bands: Band[], colors: Record<Band['severity'], string>): void {
  const { ctx, bbox } = plot;
  ctx.save();
  for (const { from, to, severity } of bands) {
    const left = Math.max(bbox.left, plot.valToPos(from, 'x', true));
    const right = Math.min(bbox.left + bbox.width, plot.valToPos(to, 'x', true));
    // A short one is seen, too.
    const width = Math.max(2 * devicePixelRatio, right - left);
    ctx.fillStyle = faded(colors[severity], 0.14);
    ctx.fillRect(left, bbox.top, width, bbox.height);
    ctx.fillStyle = colors[severity];
    ctx.fillRect(left, bbox.top, width, 3 * devicePixelRatio);
  }
  ctx.restore();
}

/** Slanted lines where nothing was measured. */
function drawGaps(plot: uPlot, gaps: Gap[], color: string): void {
  const { ctx, bbox } = plot;
  ctx.save();
  ctx.beginPath();
  ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
  ctx.clip();
  ctx.strokeStyle = color;
  ctx.lineWidth = devicePixelRatio;
  ctx.setLineDash([]);
  const step = 8 * devicePixelRatio;
  for (const { from, to } of gaps) {
    const left = Math.max(bbox.left, plot.valToPos(from, 'x', true));
    const right = Math.min(bbox.left + bbox.width, plot.valToPos(to, 'x', true));
    if (right - left < 2) continue;
    ctx.save();
    ctx.beginPath();
    ctx.rect(left, bbox.top, right - left, bbox.height);
    ctx.clip();
    ctx.beginPath();
    for (let x = Math.floor((left - bbox.height) / step) * step; x < right; x += step) {
      ctx.moveTo(x, bbox.top + bbox.height);
      ctx.lineTo(x + bbox.height, bbox.top);
    }
    ctx.stroke();
    ctx.restore();
  }
  ctx.restore();
}

/** The moment that somebody points at. */
function drawMark(plot: uPlot, at: number | null, color: string): void {
  if (at === null) return;
  const { ctx, bbox } = plot;
  const x = plot.valToPos(at, 'x', true);
  if (x < bbox.left || x > bbox.left + bbox.width) return;
  ctx.save();
  ctx.strokeStyle = color;
  ctx.lineWidth = 1.5 * devicePixelRatio;
  ctx.setLineDash([4 * devicePixelRatio, 3 * devicePixelRatio]);
  ctx.beginPath();
  ctx.moveTo(x, bbox.top);
  ctx.lineTo(x, bbox.top + bbox.height);
  ctx.stroke();
  ctx.restore();
}

/** A computed colour, `rgb(r, g, b)`, with less of it. */
function faded(color: string, alpha: number): string {
  const parts = color.match(/[\d.]+/g);
  return parts ? `rgba(${parts.slice(0, 3).join(', ')}, ${alpha})` : color;
}

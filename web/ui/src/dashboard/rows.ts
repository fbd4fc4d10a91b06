// Many courses as rows, each as strong as its value: a busy core among sixty-four is seen at once.

import type uPlot from 'uplot';

import type { Line } from './courses.ts';

/** Values between which a difference can be seen. */
const SHADES = 12;
/** The value that is fully strong. */
const FULL = 100;

/** Draws each line as a row, the first on top, between the moments of its values. */
export function drawRows(plot: uPlot, lines: Line[], color: string): void {
  const { ctx, bbox } = plot;
  const times = plot.data[0];
  const edges = edgesOf(times, (time) => plot.valToPos(time, 'x', true));
  const height = bbox.height / lines.length;
  const gap = height > 6 * devicePixelRatio ? devicePixelRatio : 0;
  ctx.save();
  ctx.beginPath();
  ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
  ctx.clip();
  ctx.fillStyle = color;
  for (let shade = 1; shade <= SHADES; shade += 1) {
    ctx.globalAlpha = shade / SHADES;
    ctx.beginPath();
    lines.forEach(({ mean }, row) => {
      const top = bbox.top + row * height;
      for (let at = 0; at < times.length; at += 1) {
        const value = mean[at];
        if (value == null || shadeOf(value) !== shade) continue;
        let end = at;
        while (end + 1 < times.length && mean[end + 1] != null && shadeOf(mean[end + 1]!) === shade) end += 1;
        ctx.rect(edges[at]![0], top, edges[end]![1] - edges[at]![0], height - gap);
        at = end;
      }
    });
    ctx.fill();
  }
  ctx.restore();
}

function shadeOf(value: number): number {
  return Math.min(SHADES, Math.max(1, Math.ceil((value / FULL) * SHADES)));
}

/** Where each moment's cell begins and ends: half-way to its neighbours, and as wide as its other side at the ends. */
export function edgesOf(times: ArrayLike<number>, place: (time: number) => number): [number, number][] {
  const at = Array.from(times, place);
  return at.map((x, index) => {
    const before = index > 0 ? (x - at[index - 1]!) / 2 : undefined;
    const after = index + 1 < at.length ? (at[index + 1]! - x) / 2 : undefined;
    return [x - (before ?? after ?? 1), x + (after ?? before ?? 1)];
  });
}

// A QR code as one path of an SVG.

/** Light modules around a code, without which scanners do not find it. */
export const QUIET = 4;

/** Dark modules, row by row, as rectangles; `1` is dark. */
export function pathOf(rows: string[]): string {
  return rows.flatMap((row, y) =>
    [...row.matchAll(/1+/g)].map(({ index, 0: run }) => `M${index + QUIET} ${y + QUIET}h${run.length}v1h-${run.length}z`),
  ).join('');
}

// Round values and moments for axes.

import { clock, day } from '../reading/format.ts';

const DAY = 86_400_000;

/** Round values from zero to at least `largest`. */
export function valueTicks(largest: number, binary = false): number[] {
  const step = roundStep(largest / 4, binary);
  const count = Math.max(1, Math.ceil(largest / step - 1e-9));
  return Array.from({ length: count + 1 }, (_, index) => index * step);
}

/** The text of a moment on an axis whose ticks are `step` milliseconds apart. */
export function timeTick(time: number, step: number): string {
  const date = new Date(time);
  const midnight = date.getHours() + date.getMinutes() + date.getSeconds() === 0;
  return step >= DAY || midnight ? day(date) : clock(date, step < 60_000);
}

function roundStep(raw: number, binary: boolean): number {
  const base = binary ? 1024 : 10;
  const unit = base ** Math.floor(Math.log(Math.max(raw, 1e-9)) / Math.log(base));
  const rounds = binary ? [1, 2, 5, 10, 20, 50, 100, 200, 500, 1024] : [1, 2, 2.5, 5, 10];
  return unit * (rounds.find((round) => round * unit >= raw * 0.999) ?? base);
}

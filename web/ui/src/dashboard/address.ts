// What the address says: which host, and which span of time.

import { RANGE_MS } from '../messenger/history.ts';
import type { Range, Span } from '../messenger/types.ts';

export interface Place {
  host: string | null;
  span: Span;
  /** A moment that something else points at, in Unix milliseconds. */
  at: number | null;
}

export const RANGES: Record<Range, string> = {
  '1h': 'the last hour',
  '12h': 'the last 12 hours',
  '24h': 'the last 24 hours',
  '7d': 'the last 7 days',
  '30d': 'the last 30 days',
};

/** The shortest span that can be zoomed to. */
export const SHORTEST_MS = 60_000;

export function placeOf(search: string): Place {
  const query = new URLSearchParams(search);
  const [from, to, at] = ['from', 'to', 'at'].map((name) => Date.parse(query.get(name) ?? ''));
  const range = query.get('range');
  const host = query.get('host');
  const marked = at !== undefined && Number.isFinite(at) ? at : null;
  if (from !== undefined && to !== undefined && to - from >= SHORTEST_MS && to - from <= RANGE_MS['30d']) {
    return { host, span: { from, to }, at: marked };
  }
  return { host, span: { range: isRange(range) ? range : '1h' }, at: marked };
}

export function addressOf({ host, span, at }: Place): string {
  const query = new URLSearchParams();
  if (host !== null) query.set('host', host);
  if ('range' in span) {
    if (host !== null) query.set('range', span.range);
  } else {
    query.set('from', new Date(span.from).toISOString());
    query.set('to', new Date(span.to).toISOString());
  }
  if (at !== null) query.set('at', new Date(at).toISOString());
  const text = query.toString();
  return text === '' ? '/' : `/?${text}`;
}

/** A window around a moment, with the moment marked. */
export function around(host: string, at: number, now = Date.now()): Place {
  const half = RANGE_MS['1h'] / 2;
  const to = Math.min(now, at + half);
  return { host, span: { from: to - 2 * half, to }, at };
}

/** The moments that a span lies between now. */
export function boundsOf(span: Span, now = Date.now()): [from: number, to: number] {
  return 'range' in span ? [now - RANGE_MS[span.range], now] : [span.from, span.to];
}

export function isRange(text: string | null): text is Range {
  return text !== null && Object.hasOwn(RANGES, text);
}

// What a question is about, brought along from a chart.

import { isRange, placeOf, RANGES } from '../dashboard/address.ts';
import type { Span } from '../messenger/types.ts';
import { clock, moment } from '../reading/format.ts';

export interface Context {
  host: string;
  span: Span;
}

/** A prompt that the address brings, at most so long. */
const PROMPT_MAX = 2000;

export function contextOf(search: string): Context | null {
  const { host, span } = placeOf(search);
  const query = new URLSearchParams(search);
  const told = isRange(query.get('range')) || query.has('from');
  return host !== null && told ? { host, span } : null;
}

/** Filled in, not sent: an address alone must not make anybody say something. */
export function promptOf(search: string): string {
  return (new URLSearchParams(search).get('prompt') ?? '').slice(0, PROMPT_MAX);
}

/** The question as the agent gets it: all in one text. */
export function withContext(prompt: string, context: Context | null): string {
  if (!context) return prompt;
  const { host, span } = context;
  const time = 'range' in span ? `over ${RANGES[span.range]}` : `from ${utc(span.from)} to ${utc(span.to)}`;
  return `${prompt}\n\n(About ${host}, ${time}.)`;
}

/** For the reader, in local time. */
export function describe({ host, span }: Context): string {
  return 'range' in span ? `${host}, ${RANGES[span.range]}` : `${host}, ${moment(span.from)} to ${clock(span.to)}`;
}

function utc(time: number): string {
  return `${new Date(time).toISOString().slice(0, 16).replace('T', ' ')} UTC`;
}

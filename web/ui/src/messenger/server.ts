// The device that lives in the web server, over its JSON API and its events.

import { windowOf } from './history.ts';
import { METRICS } from './metrics.ts';
import { MessengerError, type Connection, type Events, type Messenger, type Stop } from './messenger.ts';
import * as parse from './parse.ts';
import { get, post } from './request.ts';
import { EventStream } from './stream.ts';
import type { About, Alert, ChatEntry, Envelope, Fault, Link, Pulled, Safety, Span, Status, Trail, Window } from './types.ts';

/** Alerts of one window; more could not be told apart in a chart. */
const BANDS_MAX = 500;

export class ServerMessenger implements Messenger {
  #events: EventStream | null = null;
  #listeners = new Map<keyof Events, Set<(detail: never) => void>>();
  #about: Promise<About> | null = null;
  /** Whether the server knows the call; `null` until it was tried. */
  #hasSeries: boolean | null = null;

  get connection(): Connection {
    return this.#events?.state ?? 'connecting';
  }

  start(): void {
    if (this.#events) return;
    // What nobody listens to is not even read.
    const tell = <K extends keyof Events>(name: K, read: (data: unknown) => Events[K]) =>
      (data: string) => this.#listeners.get(name)?.size && this.#emit(name, read(JSON.parse(data)));
    this.#events = new EventStream('/api/events', {
      hello: () => this.#emit('fresh', undefined),
      missed: () => this.#emit('fresh', undefined),
      host: tell('host', parse.host),
      alert: tell('alert', parse.alert),
      chat: tell('chat', parse.entry),
      delta: tell('delta', parse.draftPart),
      trail: tell('trail', parse.trail),
      direct: () => this.#emit('direct', undefined),
      link: tell('link', parse.link),
      usage: tell('usage', parse.usage),
    }, (state) => this.#emit('connection', state));
    this.#events.open();
  }

  on<K extends keyof Events>(name: K, handle: (detail: Events[K]) => void): Stop {
    const listeners = this.#listeners.get(name) ?? new Set();
    this.#listeners.set(name, listeners.add(handle));
    return () => listeners.delete(handle);
  }

  about(): Promise<About> {
    this.#about ??= get('/api/about').then(parse.about).catch((error: unknown) => {
      this.#about = null;
      throw error;
    });
    return this.#about;
  }

  async ask(prompt: string, fresh: boolean): Promise<{ id: string }> {
    return parse.accepted(await post('/api/chat', { prompt, fresh }, { Prefer: 'respond-async' }));
  }

  async stop(id: string): Promise<void> {
    await post(`/api/chat/${encodeURIComponent(id)}/stop`, {});
  }

  async chatEntry(id: string): Promise<ChatEntry> {
    return parse.entry(await get(`/api/chat/${encodeURIComponent(id)}`));
  }

  async chatHistory(): Promise<ChatEntry[]> {
    return parse.entries(await get('/api/chat/history'));
  }

  async send(from: string, to: string, text: string, fault?: Fault): Promise<{ id: string }> {
    return parse.accepted(await post('/api/e2ee/send', { from, to, text, ...(fault ? { fault } : {}) }));
  }

  async trails(): Promise<Trail[]> {
    return parse.trails(await get('/api/demo/trails'));
  }

  async release(id: string): Promise<void> {
    await post('/api/demo/release', { id });
  }

  async pull(reader: string, after: number): Promise<Pulled> {
    return parse.pulled(await get('/api/e2ee/pull', { as: reader, after: String(after) }));
  }

  async status(): Promise<Status> {
    return parse.status(await get('/api/status/current'));
  }

  async window(host: string, span: Span): Promise<Window> {
    if (this.#hasSeries !== false) {
      const query = { host, ...spanQuery(span), metric: METRICS.join() };
      const answer = await absentIfUnknown(get('/api/status/series', query));
      this.#hasSeries ??= answer !== null;
      if (answer !== null) return parse.window(answer);
    }
    return windowOf(host, span, async (range) => parse.points(await get('/api/status/history', { host, range })));
  }

  tableAddress(host: string, span: Span): string | null {
    if (this.#hasSeries !== true) return null;
    return `/api/status/export?${new URLSearchParams({ host, ...spanQuery(span), format: 'csv' })}`;
  }

  async alerts(): Promise<Alert[] | null> {
    const answer = await absentIfUnknown(get('/api/alerts'));
    return answer === null ? null : parse.alerts(answer);
  }

  async alertsIn(host: string, from: number, to: number): Promise<Alert[]> {
    const query = { host, ...spanQuery({ from, to }), limit: String(BANDS_MAX) };
    const answer = await absentIfUnknown(get('/api/alerts', query));
    return answer === null ? [] : parse.alerts(answer);
  }

  async safety(): Promise<Safety> {
    return parse.safety(await get('/api/chat/safety'));
  }

  async link(): Promise<Link> {
    return parse.link(await get('/api/status/link'));
  }

  async resetUsage(): Promise<void> {
    await post('/api/status/usage/reset', {});
  }

  watchWire(onEnvelope: (envelope: Envelope) => void, onState: (state: Connection) => void = () => {}): Stop {
    const handlers = { envelope: (data: string) => onEnvelope(parse.envelope(JSON.parse(data))) };
    const stream = new EventStream('/api/demo/wire', handlers, onState);
    stream.open();
    return () => stream.close();
  }

  #emit<K extends keyof Events>(name: K, detail: Events[K]): void {
    this.#listeners.get(name)?.forEach((handle) => (handle as (detail: Events[K]) => void)(detail));
  }
}

function spanQuery(span: Span): Record<string, string> {
  return 'range' in span ? { range: span.range }
    : { from: new Date(span.from).toISOString(), to: new Date(span.to).toISOString() };
}

/** `null` where the server does not know the call at all. */
async function absentIfUnknown(answer: Promise<unknown>): Promise<unknown> {
  try {
    return await answer;
  } catch (error) {
    if (error instanceof MessengerError && error.status === 404) return null;
    throw error;
  }
}

// The one way in which the pages reach a device.
//
// `Messenger` says what they may ask. `ServerMessenger` is the present answer: the device lives in
// the web server, which therefore sees plaintext. A device in the browser can take its place
// without a change to any page.

import type {
  About, Alert, ChatEntry, DraftPart, Envelope, Fault, HostStatus, Link, Pulled, Safety, Span, Status, Trail, Usage,
  Window,
} from './types.ts';

/** How the stream of events is. */
export type Connection = 'connecting' | 'live' | 'reconnecting' | 'paused';

/** What is told without asking. */
export interface Events {
  /** Everything may have changed: read it again. */
  fresh: undefined;
  connection: Connection;
  host: HostStatus;
  alert: Alert;
  chat: ChatEntry;
  delta: DraftPart;
  direct: undefined;
  trail: Trail;
  link: Link;
  usage: Usage;
}

/** Stops what a call began. */
export type Stop = () => void;

export interface Messenger {
  readonly connection: Connection;
  /** Begins to tell events. */
  start(): void;
  on<K extends keyof Events>(name: K, handle: (detail: Events[K]) => void): Stop;
  /** Who is here: names, limits, the demo's subjects. */
  about(): Promise<About>;
  /** Seals a prompt and queues it; a fresh one begins a new conversation. */
  ask(prompt: string, fresh: boolean): Promise<{ id: string }>;
  /** Says that an answer is not wanted any more. */
  stop(id: string): Promise<void>;
  chatEntry(id: string): Promise<ChatEntry>;
  /** Oldest first. */
  chatHistory(): Promise<ChatEntry[]>;
  /** Seals a direct message and queues it; a fault is done to it on its way. */
  send(from: string, to: string, text: string, fault?: Fault): Promise<{ id: string }>;
  /** What became of direct messages. */
  trails(): Promise<Trail[]>;
  /** Lets go what the demo's link holds of a message. */
  release(id: string): Promise<void>;
  pull(reader: string, after: number): Promise<Pulled>;
  status(): Promise<Status>;
  /** What a host measured in a span of time. */
  window(host: string, span: Span): Promise<Window>;
  /** Where a window that was read can be had as a table of everything measured; `null` where it cannot. */
  tableAddress(host: string, span: Span): string | null;
  /** Alerts that fire, and the latest that did; `null` where nothing watches for them. */
  alerts(): Promise<Alert[] | null>;
  /** Those that were so on a host at any time between two moments; none where nothing watches. */
  alertsIn(host: string, from: number, to: number): Promise<Alert[]>;
  /** How the agent's devices stand with ours. */
  safety(): Promise<Safety>;
  link(): Promise<Link>;
  resetUsage(): Promise<void>;
  /** Calls back with every envelope that a reader of the bus sees. */
  watchWire(onEnvelope: (envelope: Envelope) => void, onState?: (state: Connection) => void): Stop;
}

/** What went wrong, in words that a page may show. */
export class MessengerError extends Error {
  /** The HTTP status, or 0 where there was none. */
  readonly status: number;

  constructor(status: number, detail: string) {
    super(detail);
    this.status = status;
  }
}

/** The words of whatever was thrown. */
export function wordsOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

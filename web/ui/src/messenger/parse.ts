// From JSON to types. What does not have the promised shape is refused here, in words, so that no
// page has to doubt what it holds. Only members that the server has can be read.

import type {
  About, Alert, ChatEntry, DaySpend, Delivery, DirectMessage, Disk, Draft, DraftPart, Envelope, Fault, Gap, Happening,
  HostStatus, Link, Mechanics, Network, Process, Pulled, Safety, SafetyDevice, SafetyNumber, Sample, Series, Status,
  Temperature, Tokens, ToolUse, Trail, Usage, Window, Wire,
} from './types.ts';

/** Members of one kind of object, or of any of several, each yet to be looked at. */
type Fields<T> = { readonly [K in T extends unknown ? keyof T : never]?: unknown };

/** An answer that is not what the API promises. */
export class ShapeError extends Error {}

export function about(value: unknown): About {
  const it = fields<Wire['About']>(value, 'about');
  return {
    version: text(it, 'version'),
    alice: text(it, 'alice'),
    bob: text(it, 'bob'),
    agent: text(it, 'agent'),
    subjects: list(it, 'subjects', String),
    chat_timeout_ms: number(it, 'chat_timeout_ms'),
    text_max_bytes: number(it, 'text_max_bytes'),
  };
}

export function status(value: unknown): Status {
  const it = fields<Wire['Status']>(value, 'status');
  return { hosts: list(it, 'hosts', host), usage: usage(it.usage) };
}

export function host(value: unknown): HostStatus {
  const it = fields<Wire['HostStatus']>(value, 'host');
  return {
    host: text(it, 'host'),
    last_seen: text(it, 'last_seen'),
    stale: it.stale === true,
    sample: sample(it.sample),
    ...numbers(it, ['missing', 'lost', 'late', 'duplicate']),
  };
}

export function usage(value: unknown): Usage {
  const it = fields<Wire['Usage']>(value, 'usage');
  const today = it.today === undefined ? {} : { today: daySpend(it.today) };
  return { ...tokens(it), answers: number(it, 'answers'), since: text(it, 'since'), ...today };
}

export function link(value: unknown): Link {
  const it = fields<Wire['LinkState']>(value, 'link');
  const count = (key: keyof typeof it) => numberOf(it[key]) ?? 0;
  return {
    connected: it.connected === true,
    outbox_waiting: count('outbox_waiting'),
    dead_letters: count('dead_letters'),
    awaited: count('awaited'),
    repaired: count('repaired'),
    held: count('held'),
    missing: count('missing'),
    ...(typeof it.relay === 'boolean' ? { relay: it.relay } : {}),
    ...texts(it, ['last_in', 'last_out']),
  };
}

export function window(value: unknown): Window {
  const it = fields<Wire['Window']>(value, 'series');
  return {
    host: text(it, 'host'),
    from: moment(it, 'from'),
    to: moment(it, 'to'),
    step_ms: 1000 * number(it, 'step_s'),
    times: list(it, 'times', Number),
    series: list(it, 'series', series),
    gaps: list(it, 'gaps', gap),
  };
}

export function alerts(value: unknown): Alert[] {
  return list(fields<Wire['Alerts']>(value, 'alerts'), 'alerts', alert);
}

export function alert(value: unknown): Alert {
  const it = fields<Wire['Alert']>(value, 'alert');
  return {
    id: text(it, 'id'),
    host: text(it, 'host'),
    rule: text(it, 'rule'),
    severity: it.severity === 'critical' ? 'critical' : 'warning',
    state: it.state === 'resolved' ? 'resolved' : 'firing',
    since: text(it, 'since'),
    summary: text(it, 'summary'),
    ...texts(it, ['until', 'cause', 'metric']),
  };
}

/** A point of the history: its moment, and whatever was measured then. */
export type Point = { at: number } & Record<string, number>;

export function points(value: unknown): Point[] {
  return list(fields<Wire['History']>(value, 'history'), 'points', (point) => {
    const it = fields<Wire['Point']>(point, 'point');
    const { time: _, ...rest } = it;
    return { ...numbers(rest, Object.keys(rest) as (keyof typeof rest)[]), at: moment(it, 'time') } as Point;
  });
}

export function entries(value: unknown): ChatEntry[] {
  return list(fields<Wire['ChatHistory']>(value, 'history'), 'entries', entry);
}

export function entry(value: unknown): ChatEntry {
  const it = fields<Wire['ChatEntry']>(value, 'chat entry');
  return {
    id: text(it, 'id'),
    prompt: text(it, 'prompt'),
    state: delivery(it.state),
    times: texts(fields<Wire['ChatTimes']>(it.times, 'times'), ['sealed', 'sent', 'delivered', 'answered']),
    refused: it.refused === true,
    stopped: it.stopped === true,
    tools: it.tools === undefined ? [] : list(it, 'tools', toolUse),
    ...texts(it, ['reply', 'model']),
    ...numbers(it, ['took_ms']),
    ...(it.usage === undefined ? {} : { usage: tokens(fields<Wire['Tokens']>(it.usage, 'usage')) }),
    ...(it.draft === undefined ? {} : { draft: draft(it.draft) }),
  };
}

export function draftPart(value: unknown): DraftPart {
  return { ...draft(value), id: text(fields<Wire['DraftPart']>(value, 'delta'), 'id') };
}

export function accepted(value: unknown): { id: string } {
  return { id: text(fields<Wire['Accepted']>(value, 'answer'), 'id') };
}

export function pulled(value: unknown): Pulled {
  const it = fields<Wire['Pulled']>(value, 'messages');
  return { messages: list(it, 'messages', directMessage), cursor: number(it, 'cursor') };
}

export function safety(value: unknown): Safety {
  const it = fields<Wire['Safety']>(value, 'safety');
  return { of: text(it, 'of'), with: text(it, 'with'), devices: list(it, 'devices', safetyDevice) };
}

export function envelope(value: unknown): Envelope {
  const it = fields<Wire['SeenEnvelope']>(value, 'envelope');
  return {
    subject: text(it, 'subject'),
    size: number(it, 'size'),
    hex: text(it, 'hex'),
    at: text(it, 'at'),
    headers: list(it, 'headers', header),
  };
}

export function trails(value: unknown): Trail[] {
  return list(fields<Wire['Trails']>(value, 'trails'), 'trails', trail);
}

export function trail(value: unknown): Trail {
  const it = fields<Wire['Trail']>(value, 'trail');
  const fault = FAULTS.find((known) => known === it.fault);
  return {
    id: text(it, 'id'),
    to: text(it, 'to'),
    at: text(it, 'at'),
    held: it.held === true,
    events: list(it, 'events', happening),
    ...texts(it, ['from', 'text']),
    ...(fault ? { fault } : {}),
  };
}

const FAULTS: Fault[] = ['tamper', 'replay', 'drop', 'reorder'];

function happening(value: unknown): Happening {
  const it = fields<Wire['Happening']>(value, 'event');
  return {
    at: text(it, 'at'),
    envelope: text(it, 'envelope'),
    what: text(it, 'what'),
    ...numbers(it, ['bit']),
    ...texts(it, ['reason']),
    ...(it.mechanics === undefined ? {} : { mechanics: mechanics(it.mechanics) }),
  };
}

function mechanics(value: unknown): Mechanics {
  const it = fields<Wire['Mechanics']>(value, 'mechanics');
  const chain = (['opened', 'turned', 'continued'] as const).find((known) => known === it.chain);
  return {
    chain: chain ?? refuse('chain', 'a known one'),
    counter: number(it, 'counter'),
    ...(it.handshake === undefined ? {} : { handshake: handshake(it.handshake) }),
    ...(it.post_quantum === undefined ? {} : { post_quantum: position(it.post_quantum) }),
  };
}

function handshake(value: unknown): NonNullable<Mechanics['handshake']> {
  const it = fields<Wire['Prekeys']>(value, 'handshake');
  const kyber = (['one_time', 'last_resort'] as const).find((known) => known === it.kyber);
  return { one_time: it.one_time === true, kyber: kyber ?? 'unknown' };
}

function position(value: unknown): NonNullable<Mechanics['post_quantum']> {
  const it = fields<Wire['PostQuantum']>(value, 'post_quantum');
  return { epoch: number(it, 'epoch'), index: number(it, 'index'), carries_piece: it.carries_piece === true };
}

function sample(value: unknown): Sample {
  const it = fields<Wire['Sample']>(value, 'sample');
  const processes = it.processes === undefined ? {} : fields<Wire['Processes']>(it.processes, 'processes');
  return {
    taken_at: text(it, 'taken_at'),
    cpu_cores_percent: maybeList(it, 'cpu_cores_percent', Number),
    disks: maybeList(it, 'disks', disk),
    networks: maybeList(it, 'networks', network),
    temperatures: maybeList(it, 'temperatures', temperature),
    processes: once([...maybeList(processes, 'top_cpu', process), ...maybeList(processes, 'top_memory', process)]),
    ...(numberOf(processes.count) === undefined ? {} : { process_count: number(processes, 'count') }),
    ...numbers(it, [
      'uptime_s', 'cpu_percent', 'load_1', 'load_5', 'load_15', 'memory_total_bytes', 'memory_used_bytes',
      'memory_available_bytes', 'swap_total_bytes', 'swap_used_bytes',
    ]),
    ...texts(it, ['os', 'kernel', 'host_name', 'cpu_model', 'virtualization']),
  };
}

function disk(value: unknown): Disk {
  const it = fields<Wire['Disk']>(value, 'disk');
  const rates = ['total_bytes', 'used_bytes', 'read_bytes_per_s', 'write_bytes_per_s'] as const;
  return { mount: text(it, 'mount'), file_system: text(it, 'file_system'), ...numbers(it, rates) };
}

function network(value: unknown): Network {
  const it = fields<Wire['Network']>(value, 'network');
  return { interface: text(it, 'interface'), ...numbers(it, ['received_bytes_per_s', 'sent_bytes_per_s', 'errors']) };
}

function temperature(value: unknown): Temperature {
  const it = fields<Wire['Temperature']>(value, 'temperature');
  return { sensor: text(it, 'sensor'), ...numbers(it, ['celsius']) };
}

function process(value: unknown): Process {
  const it = fields<Wire['Process']>(value, 'process');
  return { name: text(it, 'name'), ...numbers(it, ['pid', 'cpu_percent', 'memory_bytes']) };
}

/** The busiest processes are often the largest too. */
function once(processes: Process[]): Process[] {
  return [...new Map(processes.map((process) => [process.pid ?? process, process])).values()];
}

function series(value: unknown): Series {
  const it = fields<Wire['Series']>(value, 'series');
  const values = (key: 'mean' | 'min' | 'max') => list(it, key, (item) => numberOf(item) ?? null);
  const mean = values('mean');
  return {
    metric: text(it, 'metric'),
    label: it.label === undefined || it.label === null ? '' : String(it.label),
    mean,
    min: it.min === undefined ? mean : values('min'),
    max: it.max === undefined ? mean : values('max'),
  };
}

function gap(value: unknown): Gap {
  const it = fields<Wire['Gap']>(value, 'gap');
  return { from: moment(it, 'from'), to: moment(it, 'to'), ...numbers(it, ['missing']) };
}

function tokens(it: Fields<Wire['Tokens']>): Tokens {
  return {
    input_tokens: number(it, 'input_tokens'),
    output_tokens: number(it, 'output_tokens'),
    cost_usd: number(it, 'cost_usd'),
  };
}

function toolUse(value: unknown): ToolUse {
  const it = fields<Wire['ToolUse']>(value, 'tool');
  const given = it.arguments;
  return { name: text(it, 'name'), arguments: typeof given === 'string' ? given : JSON.stringify(given ?? {}) };
}

function draft(value: unknown): Draft {
  const it = fields<Wire['Draft']>(value, 'draft');
  return { attempt: number(it, 'attempt'), seq: number(it, 'seq'), text: text(it, 'text') };
}

function delivery(value: unknown): Delivery {
  const known: Delivery[] = ['sealed', 'sent', 'delivered', 'answered'];
  return known.find((state) => state === value) ?? refuse('state', 'a known one');
}

function daySpend(value: unknown): DaySpend {
  const it = fields<Wire['DaySpend']>(value, 'today');
  return { spent_usd: number(it, 'spent_usd'), until: text(it, 'until'), ...numbers(it, ['cap_usd']) };
}

function safetyDevice(value: unknown): SafetyDevice {
  const it = fields<Wire['SafetyDevice']>(value, 'device');
  const known: SafetyDevice['key'][] = ['changed', 'pinned', 'verified'];
  return {
    device_id: number(it, 'device_id'),
    key: known.find((key) => key === it.key) ?? refuse('key', 'a known one'),
    number: safetyNumber(it.number),
    ...(it.changed === undefined ? {} : { changed: safetyNumber(it.changed) }),
  };
}

function safetyNumber(value: unknown): SafetyNumber {
  const it = fields<Wire['SafetyNumber']>(value, 'number');
  return { groups: list(it, 'groups', String), qr: list(it, 'qr', String) };
}

function directMessage(value: unknown): DirectMessage {
  const it = fields<Wire['DirectMessage']>(value, 'message');
  return { id: text(it, 'id'), from: text(it, 'from'), text: text(it, 'text'), sent_at: text(it, 'sent_at') };
}

function header(value: unknown): [string, string] {
  return Array.isArray(value) ? [String(value[0]), String(value[1])] : refuse('headers', 'pairs');
}

function fields<T>(value: unknown, name: string): Fields<T> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? value as Fields<T> : refuse(name, 'an object');
}

function list<F, T>(it: F, key: keyof F & string, parse: (item: unknown) => T): T[] {
  const value = it[key];
  return Array.isArray(value) ? value.map(parse) : refuse(key, 'a list');
}

function maybeList<F, T>(it: F, key: keyof F & string, parse: (item: unknown) => T): T[] {
  return it[key] === undefined ? [] : list(it, key, parse);
}

function text<F>(it: F, key: keyof F & string): string {
  const value = it[key];
  return typeof value === 'string' ? value : refuse(key, 'text');
}

function number<F>(it: F, key: keyof F & string): number {
  return numberOf(it[key]) ?? refuse(key, 'a number');
}

/** RFC 3339 or Unix milliseconds. */
function moment<F>(it: F, key: keyof F & string): number {
  const value = it[key];
  const parsed = typeof value === 'string' ? Date.parse(value) : value;
  return numberOf(parsed) ?? refuse(key, 'a moment');
}

function numberOf(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isFinite(value) ? value : undefined;
}

/** Those of the named fields that are numbers. */
function numbers<F, K extends keyof F & string>(it: F, keys: readonly K[]): Partial<Record<K, number>> {
  return Object.fromEntries(keys.flatMap((key) => {
    const value = numberOf(it[key]);
    return value === undefined ? [] : [[key, value]];
  })) as Partial<Record<K, number>>;
}

function texts<F, K extends keyof F & string>(it: F, keys: readonly K[]): Partial<Record<K, string>> {
  return Object.fromEntries(keys.flatMap((key) => {
    const value: unknown = it[key];
    return typeof value === 'string' ? [[key, value]] : [];
  })) as Partial<Record<K, string>>;
}

function refuse(name: string, wanted: string): never {
  throw new ShapeError(`the web server's answer is not as promised: "${name}" is not ${wanted}`);
}

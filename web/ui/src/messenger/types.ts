// What the API says, as the pages use it. A value that was not measured is absent.
//
// Written by hand: docs/openapi.json describes the relay, and these calls are the web server's.

export interface About {
  version: string;
  alice: string;
  bob: string;
  agent: string;
  /** Where envelopes for the demo's two devices are published. */
  subjects: string[];
  chat_timeout_ms: number;
  text_max_bytes: number;
}

export interface Disk {
  mount: string;
  file_system: string;
  total_bytes?: number;
  used_bytes?: number;
  read_bytes_per_s?: number;
  write_bytes_per_s?: number;
}

export interface Network {
  interface: string;
  received_bytes_per_s?: number;
  sent_bytes_per_s?: number;
  errors?: number;
}

export interface Temperature {
  sensor: string;
  celsius?: number;
}

export interface Process {
  pid?: number;
  name: string;
  /** Share of one core; above 100 for several. */
  cpu_percent?: number;
  memory_bytes?: number;
}

export interface Sample {
  taken_at: string;
  uptime_s?: number;
  cpu_percent?: number;
  cpu_cores_percent: number[];
  load_1?: number;
  load_5?: number;
  load_15?: number;
  memory_total_bytes?: number;
  memory_used_bytes?: number;
  memory_available_bytes?: number;
  swap_total_bytes?: number;
  swap_used_bytes?: number;
  disks: Disk[];
  networks: Network[];
  temperatures: Temperature[];
  process_count?: number;
  /** The busiest and the largest, each once. */
  processes: Process[];
  os?: string;
  kernel?: string;
  /** What the host calls itself. */
  host_name?: string;
  cpu_model?: string;
  /** Such as `container:docker` or `vm:kvm`; `none` on the bare machine. */
  virtualization?: string;
}

export interface HostStatus {
  host: string;
  last_seen: string;
  stale: boolean;
  sample: Sample;
  /** How many samples have not come, never came, came late, or came twice; absent if not told. */
  missing?: number;
  lost?: number;
  late?: number;
  duplicate?: number;
}

export interface Usage {
  input_tokens: number;
  output_tokens: number;
  cost_usd: number;
  answers: number;
  since: string;
  /** Absent where the agent has no model, or has not told it yet. */
  today?: DaySpend;
}

/** What a day in UTC has cost, and may cost. */
export interface DaySpend {
  spent_usd: number;
  cap_usd?: number;
  until: string;
}

export interface Status {
  hosts: HostStatus[];
  usage: Usage;
}

export interface Link {
  connected: boolean;
  /** Whether the relay answered when it was asked last; absent while it cannot be asked. */
  relay?: boolean;
  outbox_waiting: number;
  dead_letters: number;
  awaited: number;
  repaired: number;
  held: number;
  missing: number;
  last_in?: string;
  last_out?: string;
}

/** One measured course, parallel to the times of its window. */
export interface Series {
  metric: string;
  /** Which core, file system, interface or sensor; empty where there is one only. */
  label: string;
  mean: (number | null)[];
  min: (number | null)[];
  max: (number | null)[];
}

export interface Gap {
  /** Unix milliseconds. */
  from: number;
  to: number;
  missing?: number;
}

/** A host's courses between two moments, all in Unix milliseconds. */
export interface Window {
  host: string;
  from: number;
  to: number;
  step_ms: number;
  times: number[];
  series: Series[];
  gaps: Gap[];
}

export type Range = '1h' | '12h' | '24h' | '7d' | '30d';

/** The last so long, or between two moments. */
export type Span = { range: Range } | { from: number; to: number };

export interface Alert {
  id: string;
  host: string;
  rule: string;
  /** What it is about, where that is one number of the host. */
  metric?: string;
  severity: 'warning' | 'critical';
  state: 'firing' | 'resolved';
  since: string;
  until?: string;
  summary: string;
  cause?: string;
}

export type Delivery = 'sealed' | 'sent' | 'delivered' | 'answered';

export interface Draft {
  attempt: number;
  seq: number;
  text: string;
}

export interface DraftPart extends Draft {
  id: string;
}

export interface ToolUse {
  name: string;
  arguments: string;
}

export interface Tokens {
  input_tokens: number;
  output_tokens: number;
  cost_usd: number;
}

export interface ChatEntry {
  id: string;
  prompt: string;
  state: Delivery;
  times: Partial<Record<Delivery, string>>;
  reply?: string;
  model?: string;
  refused: boolean;
  stopped: boolean;
  tools: ToolUse[];
  usage?: Tokens;
  took_ms?: number;
  draft?: Draft;
}

/** What two people compare, to know that nobody stands between two devices. */
export interface SafetyNumber {
  /** Twelve groups of five digits. */
  groups: string[];
  /** The modules of its QR code, a text a row; `1` is dark. */
  qr: string[];
}

export interface SafetyDevice {
  device_id: number;
  key: 'changed' | 'pinned' | 'verified';
  number: SafetyNumber;
  /** Of a key that waits for a decision. */
  changed?: SafetyNumber;
}

/** How our device knows another one's. */
export interface Safety {
  of: string;
  with: string;
  devices: SafetyDevice[];
}

export interface DirectMessage {
  id: string;
  from: string;
  text: string;
  sent_at: string;
}

export interface Pulled {
  messages: DirectMessage[];
  cursor: number;
}

/** What the demo's link does to one text. */
export type Fault = 'tamper' | 'replay' | 'drop' | 'reorder';

/** How one message used its session, as the device found it. */
export interface Mechanics {
  /** The prekeys of the handshake that it carries. */
  handshake?: { one_time: boolean; kyber: 'one_time' | 'last_resort' | 'unknown' };
  chain: 'opened' | 'turned' | 'continued';
  counter: number;
  post_quantum?: { epoch: number; index: number; carries_piece: boolean };
}

/** One thing that happened to one envelope of a message. */
export interface Happening {
  at: string;
  /** Its `Nats-Msg-Id`. */
  envelope: string;
  what: string;
  mechanics?: Mechanics;
  bit?: number;
  reason?: string;
}

/** What became of a direct message, as far as the server saw it. */
export interface Trail {
  id: string;
  from?: string;
  to: string;
  at: string;
  fault?: Fault;
  /** Whether the link holds its true bytes. */
  held: boolean;
  /** What it says, while it is held. */
  text?: string;
  events: Happening[];
}

/** What a reader of the bus sees of one message. */
export interface Envelope {
  subject: string;
  size: number;
  /** The first bytes. */
  hex: string;
  at: string;
  headers: [string, string][];
}

// What the API says, as the pages use it. A value that was not measured is absent.
//
// Made of what docs/web-openapi.json says, in api.ts; what the pages hold otherwise is named here.

import type { components } from './api.ts';

/** What is said by the server, word for word. */
export type Wire = components['schemas'];

/** Some of it for sure, the rest where it is known. */
type Sparse<T, K extends keyof T> = Pick<T, K> & Partial<Omit<T, K>>;

export type About = Wire['About'];

export type Disk = Sparse<Wire['Disk'], 'mount' | 'file_system'>;
export type Network = Wire['Network'];
export type Temperature = Sparse<Wire['Temperature'], 'sensor'>;
export type Process = Sparse<Wire['Process'], 'name'>;

type Lists = 'cpu_cores_percent' | 'disks' | 'networks' | 'temperatures';

export type Sample = Omit<Wire['Sample'], Lists | 'processes'> & Required<Pick<Wire['Sample'], 'cpu_cores_percent'>> & {
  disks: Disk[];
  networks: Network[];
  temperatures: Temperature[];
  process_count?: number;
  /** The busiest and the largest, each once. */
  processes: Process[];
};

/** How many samples have not come, never came, came late, or came twice is absent if not told. */
export type HostStatus = Sparse<Omit<Wire['HostStatus'], 'sample'>, 'host' | 'last_seen' | 'stale'> & {
  sample: Sample;
};

export type Usage = Wire['Usage'];

/** What a day in UTC has cost, and may cost. */
export type DaySpend = Wire['DaySpend'];

export type Status = Omit<Wire['Status'], 'hosts'> & { hosts: HostStatus[] };

export type Link = Wire['LinkState'];

/** One measured course, parallel to the times of its window; bounds are the mean where there are none. */
export type Series = Required<Omit<Wire['Series'], 'unit'>>;

/** Between two moments in Unix milliseconds. */
export type Gap = Partial<Pick<Wire['Gap'], 'missing'>> & { from: number; to: number };

/** A host's courses between two moments, all in Unix milliseconds. */
export type Window = Pick<Wire['Window'], 'host' | 'times'> & {
  from: number;
  to: number;
  step_ms: number;
  series: Series[];
  gaps: Gap[];
};

export type Range = Wire['Range'];

/** The last so long, or between two moments. */
export type Span = { range: Range } | { from: number; to: number };

export type Alert = Wire['Alert'];

export type Delivery = Wire['Delivery'];
export type Draft = Wire['Draft'];
export type DraftPart = Wire['DraftPart'];
export type ToolUse = Wire['ToolUse'];
export type Tokens = Wire['Tokens'];

type Judged = 'refused' | 'stopped' | 'tools';

export type ChatEntry = Omit<Wire['ChatEntry'], Judged | 'times'> & Required<Pick<Wire['ChatEntry'], Judged>> & {
  times: Partial<Wire['ChatTimes']>;
};

/** What two people compare, to know that nobody stands between two devices. */
export type SafetyNumber = Wire['SafetyNumber'];
export type SafetyDevice = Wire['SafetyDevice'];

/** How our device knows another one's. */
export type Safety = Wire['Safety'];

export type DirectMessage = Wire['DirectMessage'];
export type Pulled = Wire['Pulled'];

/** What the demo's link does to one text. */
export type Fault = Wire['Fault'];

/** How one message used its session, as the device found it. */
export type Mechanics = Wire['Mechanics'];

/** One thing that happened to one envelope of a message; one that a page does not know is shown as it is named. */
export type Happening = Pick<Wire['Happening'], 'at' | 'envelope'> & {
  what: string;
  mechanics?: Mechanics;
  bit?: number;
  reason?: string;
};

/** What became of a direct message, as far as the server saw it. */
export type Trail = Omit<Wire['Trail'], 'events'> & { events: Happening[] };

/** What a reader of the bus sees of one message. */
export type Envelope = Wire['SeenEnvelope'];

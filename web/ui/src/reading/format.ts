// Numbers and times, as people read them. What is unknown is a dash, never a zero.

export const UNKNOWN = '–';

type Maybe = number | null | undefined;
type Moment = string | number | Date;

const BYTE_UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'];

// Making one takes longer than using it a hundred times, and a page of charts uses them all the time.
const NUMBERS = new Map<number, Intl.NumberFormat>();
const CLOCK = new Intl.DateTimeFormat(undefined, { hour: 'numeric', minute: '2-digit' });
const CLOCK_WITH_SECONDS = new Intl.DateTimeFormat(undefined, { hour: 'numeric', minute: '2-digit', second: '2-digit' });
const DAY = new Intl.DateTimeFormat(undefined, { day: 'numeric', month: 'short' });

function numbersWith(digits: number): Intl.NumberFormat {
  const made = NUMBERS.get(digits)
    ?? new Intl.NumberFormat(undefined, { minimumFractionDigits: digits, maximumFractionDigits: digits });
  NUMBERS.set(digits, made);
  return made;
}

const IN_ORDER = new Intl.Collator(undefined, { numeric: true, sensitivity: 'base' });

/** As people sort names, with numbers in them by their value. */
export function inOrder(a: string, b: string): number {
  return IN_ORDER.compare(a, b);
}

function momentIn(format: Intl.DateTimeFormat, moment: Moment): string {
  const date = new Date(moment);
  return Number.isNaN(date.getTime()) ? UNKNOWN : format.format(date);
}

/** Whether a value was measured at all. */
export function known(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value);
}

export function number(value: Maybe, digits = 0): string {
  if (!known(value)) return UNKNOWN;
  return numbersWith(digits).format(value);
}

export function percent(value: Maybe): string {
  if (!known(value)) return UNKNOWN;
  return `${number(value, value > 0 && value < 9.95 ? 1 : 0)} %`;
}

export function bytes(value: Maybe): string {
  if (!known(value)) return UNKNOWN;
  let unit = 0;
  let scaled = value;
  while (scaled >= 1000 && unit < BYTE_UNITS.length - 1) {
    scaled /= 1024;
    unit += 1;
  }
  return `${number(scaled, unit === 0 || scaled >= 99.95 ? 0 : 1)} ${BYTE_UNITS[unit]}`;
}

export function rate(value: Maybe): string {
  return known(value) ? `${bytes(value)}/s` : UNKNOWN;
}

export function load(value: Maybe): string {
  return number(value, 2);
}

export function celsius(value: Maybe): string {
  return known(value) ? `${number(value)} °C` : UNKNOWN;
}

export function usd(value: Maybe): string {
  if (!known(value)) return UNKNOWN;
  if (value > 0 && value < 0.0001) return `< $${number(0.0001, 4)}`;
  return `$${number(value, value === 0 || value >= 1 ? 2 : 4)}`;
}

/** A span of seconds, in its two largest units. */
export function duration(seconds: Maybe): string {
  if (!known(seconds)) return UNKNOWN;
  const whole = Math.max(0, Math.floor(seconds));
  const parts: [number, string][] = [
    [Math.floor(whole / 86400), 'd'],
    [Math.floor(whole / 3600) % 24, 'h'],
    [Math.floor(whole / 60) % 60, 'min'],
    [whole % 60, 's'],
  ];
  const first = parts.findIndex(([count]) => count > 0);
  if (first < 0) return '0 s';
  const shown = parts.slice(first, first + 2).filter(([count]) => count > 0);
  return shown.map(([count, unit]) => `${count} ${unit}`).join(' ');
}

/** How long something took. */
export function took(milliseconds: Maybe): string {
  if (!known(milliseconds)) return UNKNOWN;
  if (milliseconds < 1000) return `${number(milliseconds)} ms`;
  return milliseconds < 60_000 ? `${number(milliseconds / 1000, 1)} s` : duration(milliseconds / 1000);
}

/** As fine as "ago" is told: finer would change all the time, and say no more. */
const AGO_STEP_S = 5;

/** How long ago a moment was, in one unit. */
export function ago(text: string, now = Date.now()): string {
  const seconds = Math.max(0, Math.round((now - Date.parse(text)) / 1000));
  if (!known(seconds)) return 'never';
  if (seconds < AGO_STEP_S) return 'just now';
  if (seconds < 60) return `${seconds - (seconds % AGO_STEP_S)} s ago`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ago`;
  if (seconds < 86400) return `${Math.floor(seconds / 3600)} h ago`;
  return `${Math.floor(seconds / 86400)} d ago`;
}

export function clock(moment: Moment, withSeconds = false): string {
  return momentIn(withSeconds ? CLOCK_WITH_SECONDS : CLOCK, moment);
}

export function day(moment: Moment): string {
  return momentIn(DAY, moment);
}

/** A moment, with its day where it is not today. */
export function moment(value: Moment): string {
  const date = new Date(value);
  if (Number.isNaN(date.getTime())) return UNKNOWN;
  const today = date.toDateString() === new Date().toDateString();
  return today ? clock(date) : `${day(date)}, ${clock(date)}`;
}

export function plural(count: number, one: string, many = `${one}s`): string {
  return `${number(count)} ${count === 1 ? one : many}`;
}

/** The time zone in which moments are shown. */
export function timeZone(): string {
  return Intl.DateTimeFormat().resolvedOptions().timeZone;
}

/** A moment in full, with its time zone. */
export function fullMoment(value: Moment): string {
  return new Date(value).toLocaleString(undefined, { dateStyle: 'medium', timeStyle: 'long' });
}

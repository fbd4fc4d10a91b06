// The public shape of an envelope, for showing it. The parts' contents open nowhere but at the
// recipient's device.

/** Which part of an envelope a byte belongs to; the fields' tags and lengths are its frame. */
export type Part = 'frame' | 'version' | 'key' | 'sender' | 'message';

export const PARTS: Record<Exclude<Part, 'frame'>, string> = {
  version: 'version: sealed sender, 1',
  key: 'one-time Curve25519 key',
  sender: "the sender's key, encrypted",
  message: 'certificate and message, encrypted',
};

/** Bytes of one part that stand in one row. */
export interface Run {
  part: Part;
  text: string;
}

export interface Row {
  offset: string;
  runs: Run[];
}

const ROW = 16;
const FIELDS: [tag: number, part: Part][] = [[0x0a, 'key'], [0x12, 'sender'], [0x1a, 'message']];

export function fromHex(hex: string): Uint8Array {
  return Uint8Array.from(hex.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
}

/** Which part each of the first bytes belongs to. */
export function partsOf(bytes: Uint8Array): Part[] {
  const parts = new Array<Part>(bytes.length).fill('frame');
  if (bytes[0] !== 0x11) return parts;
  parts[0] = 'version';
  let at = 1;
  for (const [tag, part] of FIELDS) {
    if (bytes[at] !== tag) return parts;
    let [length, shift] = [0, 0];
    do {
      at += 1;
      length |= ((bytes[at] ?? 0) & 0x7f) << shift;
      shift += 7;
    } while ((bytes[at] ?? 0) & 0x80 && shift < 21);
    at += 1;
    parts.fill(part, at, Math.min(at + length, bytes.length));
    at += length;
  }
  return parts;
}

/** The first bytes, sixteen a row. */
export function rowsOf(hex: string, most: number): Row[] {
  const bytes = fromHex(hex.slice(0, 2 * most));
  const parts = partsOf(bytes);
  const rows: Row[] = [];
  for (let start = 0; start < bytes.length; start += ROW) {
    const end = Math.min(start + ROW, bytes.length);
    rows.push({ offset: start.toString(16).padStart(4, '0'), runs: runsOf(bytes, parts, start, end) });
  }
  return rows;
}

function runsOf(bytes: Uint8Array, parts: Part[], start: number, end: number): Run[] {
  const runs: Run[] = [];
  for (let at = start; at < end; at += 1) {
    const byte = bytes[at]!.toString(16).padStart(2, '0');
    const last = runs.at(-1);
    if (last && last.part === parts[at]) last.text += ` ${byte}`;
    else runs.push({ part: parts[at]!, text: byte });
  }
  return runs;
}

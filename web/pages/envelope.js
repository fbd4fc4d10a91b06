// The public shape of an envelope, for showing it. The parts' contents open nowhere but at the
// recipient's device.

import { el } from './dom.js';

/** Bytes shown; the rest looks the same. */
const SHOWN = 512;
const ROW = 16;

const PARTS = {
  version: 'version: sealed sender, 1',
  key: 'one-time Curve25519 key',
  sender: "the sender's key, encrypted",
  message: 'certificate and message, encrypted',
};

/** The bytes behind hexadecimal text. */
export function fromHex(hex) {
  return Uint8Array.from(hex.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
}

/** Which part each of the first bytes belongs to; the fields' tags and lengths to none. */
export function partsOf(bytes) {
  const parts = new Array(bytes.length).fill('frame');
  if (bytes[0] !== 0x11) return parts;
  parts[0] = 'version';
  let at = 1;
  for (const [tag, name] of [[0x0a, 'key'], [0x12, 'sender'], [0x1a, 'message']]) {
    if (bytes[at] !== tag) return parts;
    let length = 0;
    let shift = 0;
    do {
      at += 1;
      length |= (bytes[at] & 0x7f) << shift;
      shift += 7;
    } while (bytes[at] & 0x80 && shift < 21);
    at += 1;
    parts.fill(name, at, Math.min(at + length, bytes.length));
    at += length;
  }
  return parts;
}

/** A dump with its legend. */
export function dump(hex, size) {
  const bytes = fromHex(hex.slice(0, 2 * SHOWN));
  const parts = partsOf(bytes);
  const pre = el('pre', { class: 'dump', tabindex: 0, 'aria-label': 'Hexadecimal dump' });
  for (let row = 0; row < bytes.length; row += ROW) {
    pre.append(...dumpRow(bytes.subarray(row, row + ROW), parts.slice(row, row + ROW), row), '\n');
  }
  const more = size - bytes.length;
  if (more > 0) pre.append(el('span', { class: 'offset' }, `… and ${more.toLocaleString()} bytes more`));
  return el('div', { class: 'dump-box' }, legend(parts), pre);
}

function legend(parts) {
  const seen = Object.entries(PARTS).filter(([name]) => parts.includes(name));
  return el('ul', { class: 'legend' }, seen.map(([name, label]) =>
    el('li', {}, el('span', { class: `swatch part-${name}` }), label)));
}

function dumpRow(bytes, parts, offset) {
  const nodes = [el('span', { class: 'offset' }, offset.toString(16).padStart(4, '0')), '  '];
  for (let start = 0; start < bytes.length;) {
    let end = start + 1;
    while (end < bytes.length && parts[end] === parts[start]) end += 1;
    const text = Array.from(bytes.subarray(start, end), (byte) => byte.toString(16).padStart(2, '0'));
    nodes.push(el('span', { class: `part-${parts[start]}` }, text.join(' ')), ' ');
    start = end;
  }
  return nodes;
}

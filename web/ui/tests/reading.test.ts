import assert from 'node:assert/strict';
import { test } from 'node:test';

import { addressOf, around, placeOf } from '../src/dashboard/address.ts';
import { isLoss, lossText } from '../src/dashboard/loss.ts';
import { sorted, type Column } from '../src/dashboard/table.ts';
import { fromHex, partsOf, rowsOf } from '../src/demo/envelope.ts';
import * as parse from '../src/messenger/parse.ts';
import { ago, bytes, duration, percent, took, usd } from '../src/reading/format.ts';

test('what is unknown is a dash, never a zero', () => {
  for (const show of [percent, bytes, duration, took, usd]) assert.equal(show(undefined), '–');
  assert.equal(percent(0), '0 %');
});

test('numbers are read in their largest unit', () => {
  assert.deepEqual([bytes(999), bytes(1536), bytes(3 * 1024 ** 3)], ['999 B', '1.5 KiB', '3.0 GiB']);
  assert.deepEqual([duration(59), duration(3661), duration(90061)], ['59 s', '1 h 1 min', '1 d 1 h']);
  assert.deepEqual([usd(0), usd(0.00001), usd(0.0321), usd(12)], ['$0.00', '< $0.0001', '$0.0321', '$12.00']);
  assert.equal(ago('2026-11-23T09:59:00Z', Date.parse('2026-11-23T10:00:30Z')), '1 min ago');
  assert.equal(ago('2026-11-23T10:00:13Z', Date.parse('2026-11-23T10:00:30Z')), '15 s ago');
  assert.equal(ago('2026-11-23T10:00:31Z', Date.parse('2026-11-23T10:00:30Z')), 'just now');
});

test('an address and its place say the same', () => {
  for (const address of ['/', '/?host=web1&range=7d',
    '/?host=web1&from=2026-11-23T09%3A00%3A00.000Z&to=2026-11-23T10%3A00%3A00.000Z&at=2026-11-23T09%3A30%3A00.000Z']) {
    assert.equal(addressOf(placeOf(address.slice(1))), address);
  }
});

test('nonsense in an address is the last hour', () => {
  for (const search of ['?range=2h', '?range=constructor', '?from=x&to=y', '?from=2026-11-23T09:00:00Z&to=2026-11-23T09:00:01Z']) {
    assert.deepEqual(placeOf(search).span, { range: '1h' }, search);
  }
});

test('the window around a moment does not reach beyond now', () => {
  const now = Date.parse('2026-11-23T10:00:00Z');
  assert.deepEqual(around('web1', now, now).span, { from: now - 3_600_000, to: now });
});

test('losses are told in words', () => {
  assert.equal(isLoss({}), false);
  assert.equal(lossText({ missing: 1, lost: 2 }), '1 sample missing, 2 samples lost');
});

test('a table is sorted by numbers as numbers, and unknown ones come last', () => {
  const columns: Column<{ cpu?: number; name: string }>[] = [
    { head: 'Name', text: true, show: ({ name }) => name, value: ({ name }) => name },
    { head: 'CPU', show: ({ cpu }) => String(cpu), value: ({ cpu }) => cpu },
  ];
  const rows = [{ name: 'b10', cpu: 2 }, { name: 'b9' }, { name: 'a', cpu: 10 }];
  const names = (column: number, up: boolean) => sorted(rows, columns, { column, up }).map(({ name }) => name);
  assert.deepEqual(names(1, false), ['a', 'b10', 'b9']);
  assert.deepEqual(names(1, true), ['b10', 'a', 'b9']);
  assert.deepEqual(names(0, true), ['a', 'b9', 'b10']);
});

test('an answer that is not as promised is refused in words', () => {
  assert.throws(() => parse.about({ version: 1 }), /"version" is not text/);
  assert.throws(() => parse.status({ hosts: 'none' }), /"hosts" is not a list/);
  for (const value of [null, 1, 'text', [], undefined]) assert.throws(() => parse.window(value), parse.ShapeError);
});

test('the parts of an envelope are told apart, and what is none is frame', () => {
  const envelope = `110a02aabb1201cc1a03ddeeff`;
  assert.deepEqual(partsOf(fromHex(envelope)), ['version', 'frame', 'frame', 'key', 'key', 'frame', 'frame', 'sender',
    'frame', 'frame', 'message', 'message', 'message']);
  assert.deepEqual(rowsOf('00ff', 512), [{ offset: '0000', runs: [{ part: 'frame', text: '00 ff' }] }]);
  for (const cut of ['', '11', '110a', '110aff', '110affff', '110affffffff']) assert.equal(partsOf(fromHex(cut)).length, cut.length / 2);
});

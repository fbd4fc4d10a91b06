import assert from 'node:assert/strict';
import { test } from 'node:test';

import { pathOf } from '../src/chat/qr.ts';
import { todayOf, todayText } from '../src/dashboard/day-spend.ts';
import { ownName, virtualizationText } from '../src/dashboard/machine.ts';
import * as parse from '../src/messenger/parse.ts';
import type { Usage } from '../src/messenger/types.ts';

const NOON = Date.parse('2026-11-23T12:00:00Z');
const usage: Usage = { input_tokens: 0, output_tokens: 0, cost_usd: 9, answers: 1, since: '2026-11-23T00:00:00Z' };
const until = '2026-11-24T00:00:00Z';

test('a host runs inside of something, by name where it has one', () => {
  assert.equal(virtualizationText('vm:kvm'), 'KVM virtual machine');
  assert.equal(virtualizationText('container:other'), 'container');
  assert.equal(virtualizationText('none'), 'no virtualization');
  assert.equal(virtualizationText('something:new'), '');
  assert.equal(virtualizationText(undefined), '');
});

test('a host that is called as it calls itself says so once', () => {
  assert.equal(ownName('web1', { host_name: 'web1' }), '');
  assert.equal(ownName('diagprobe', { host_name: 'web1' }), 'calls itself web1');
  assert.equal(ownName('diagprobe', {}), '');
});

test('the cap of a day is reached, and gone with the day', () => {
  const spent = { ...usage, today: { spent_usd: 0.5, cap_usd: 0.5, until } };
  assert.equal(todayOf(spent, NOON)?.isSpent, true);
  assert.match(todayText(todayOf(spent, NOON)!), /0\.50+ of .*0\.50+/);
  const tomorrow = todayOf(spent, Date.parse(until))!;
  assert.deepEqual([tomorrow.spent, tomorrow.isSpent], [0, false]);
});

test('a day without a cap is never spent, and without a model there is none', () => {
  const free = todayOf({ ...usage, today: { spent_usd: 3, until } }, NOON)!;
  assert.equal(free.isSpent, false);
  assert.match(todayText(free), /no cap/);
  assert.equal(todayOf(usage, NOON), null);
});

test('a QR code is drawn in runs, within its quiet zone', () => {
  assert.equal(pathOf(['1011', '0000', '0110']), 'M4 4h1v1h-1zM6 4h2v1h-2zM5 6h2v1h-2z');
});

test('a safety number is read whole or refused', () => {
  const device = { device_id: 1, key: 'pinned', number: { groups: ['12345'], qr: ['1'] } };
  const answer = { of: 'alice', with: 'sysmaint', devices: [device] };
  assert.deepEqual(parse.safety(answer), answer);
  assert.throws(() => parse.safety({ ...answer, devices: [{ ...device, key: 'trusted' }] }), /"key"/);
});

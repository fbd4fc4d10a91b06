import assert from 'node:assert/strict';
import { test } from 'node:test';

import { judge } from '../src/frame/line.svelte.ts';
import * as parse from '../src/messenger/parse.ts';

const link = (connected: boolean) => parse.link({ connected, outbox_waiting: 3 });

test('the pill says the worst that is true', () => {
  assert.equal(judge('live', true, link(true))[1], 'Live');
  assert.equal(judge('live', true, link(false))[1], 'Bus away');
  assert.equal(judge('reconnecting', true, link(false))[1], 'Reconnecting');
  assert.equal(judge('live', false, link(true))[1], 'Server away');
  assert.equal(judge('connecting', true, null)[1], 'Connecting');
});

test('what waits while the bus is away is counted', () => {
  assert.match(judge('live', true, link(false))[2], /3 sealed messages wait/);
});

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { bandsOf, bandsText, metricOf } from '../src/dashboard/bands.ts';
import { clock } from '../src/reading/format.ts';
import type { Alert } from '../src/messenger/types.ts';

const at = (clock: string) => Date.parse(`2026-11-23T${clock}:00Z`);

function alert(rest: Partial<Alert>): Alert {
  return {
    id: '1', host: 'web1', rule: 'anomaly/10m', severity: 'warning', state: 'firing', since: '2026-11-23T09:30:00Z',
    summary: 'CPU is unusual', ...rest,
  };
}

test('an alert says which chart it belongs to, by its metric or by its rule', () => {
  assert.equal(metricOf({ metric: 'celsius_max', rule: 'anomaly/10m' }), 'temperature_celsius');
  assert.equal(metricOf({ rule: 'memory_used_percent>90/10m!' }), 'memory_used_bytes');
  assert.equal(metricOf({ rule: 'silent/2m!' }), null);
  assert.equal(metricOf({ metric: 'constructor', rule: '' }), null);
});

test('a chart shades what was firing in its window, and nothing else', () => {
  const alerts = [
    alert({ id: '1', metric: 'cpu_percent', since: '2026-11-23T08:00:00Z', until: '2026-11-23T09:10:00Z' }),
    alert({ id: '2', metric: 'cpu_percent', since: '2026-11-23T09:50:00Z' }),
    alert({ id: '3', metric: 'load_1' }),
    alert({ id: '4', metric: 'cpu_percent', since: '2026-11-23T07:00:00Z', until: '2026-11-23T08:59:00Z' }),
    alert({ id: '5', metric: 'cpu_percent', since: '2026-11-23T10:01:00Z' }),
  ];
  const bands = bandsOf(alerts, ['cpu_percent'], at('09:00'), at('10:00'));
  assert.deepEqual(bands.map(({ from, to, open }) => [from, to, open]), [
    [at('09:00'), at('09:10'), false], [at('09:50'), at('10:00'), true],
  ]);
});

test('the shades are told in words, the latest of many', () => {
  const alerts = [
    alert({ metric: 'cpu_percent', since: '2026-11-23T09:05:00Z', until: '2026-11-23T09:10:00Z' }),
    alert({ metric: 'cpu_percent', since: '2026-11-23T09:50:00Z' }),
  ];
  const words = (list: Alert[]) => bandsText(bandsOf(list, ['cpu_percent'], at('09:00'), at('10:00')), at('09:00'), at('10:00'));
  assert.equal(words([]), '');
  assert.equal(words(alerts), `2 alerts in this time, ${clock(at('09:05'))} to ${clock(at('09:10'))}; ${clock(at('09:50'))} to now`);
  assert.match(words([...alerts, ...alerts]), /^4 alerts in this time, the latest (.* to .*; ){2}.* to now$/);
});

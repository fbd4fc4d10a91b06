import assert from 'node:assert/strict';
import { test } from 'node:test';

import { chartsOf, LINES_MAX, slid, withSample } from '../src/dashboard/courses.ts';
import { measures, total } from '../src/dashboard/measures.ts';
import { edgesOf } from '../src/dashboard/rows.ts';
import { valueTicks } from '../src/dashboard/ticks.ts';
import * as parse from '../src/messenger/parse.ts';
import type { Series, Window } from '../src/messenger/types.ts';

function series(metric: string, label: string, mean: (number | null)[]): Series {
  return { metric, label, mean, min: mean, max: mean };
}

function window(...all: Series[]): Window {
  return { host: 'web1', from: 0, to: 100, step_ms: 10, times: [10, 20], series: all, gaps: [] };
}

const SAMPLE = parse.host({
  host: 'web1', last_seen: '1970-01-01T00:00:01Z', stale: false,
  sample: { taken_at: '1970-01-01T00:00:01Z', cpu_percent: 7, load_1: 0.5, processes: { count: 3, top_cpu: [{ pid: 1, name: 'init' }], top_memory: [{ pid: 1, name: 'init' }] } },
}).sample;

test('a metric that was not measured has no chart', () => {
  const titles = chartsOf(window(series('load_1', '', [1, 2]))).map(({ title }) => title);
  assert.deepEqual(titles, ['Load']);
});

test('errors are shown only where there were any', () => {
  const titles = (errors: number) => chartsOf(window(series('network_errors', 'eth0', [0, errors]))).length;
  assert.deepEqual([titles(0), titles(3)], [0, 1]);
});

test('what cannot be told apart is left out and counted', () => {
  const disks = Array.from({ length: 12 }, (_, disk) => series('disk_used_percent', `/${disk}`, [1, 2]));
  const [chart] = chartsOf(window(...disks));
  assert.deepEqual([chart?.lines.length, chart?.more], [LINES_MAX, 4]);
});

test('a few cores are lines, and many are rows, all of them', () => {
  const shape = (count: number) => {
    const cores = Array.from({ length: count }, (_, core) => series('cpu_core_percent', String(core), [1, 2]));
    const [chart] = chartsOf(window(...cores));
    return [chart?.rows, chart?.lines.length];
  };
  assert.deepEqual([shape(4), shape(64)], [[false, 4], [true, 64]]);
});

test('reads and writes of many disks have a chart each', () => {
  const of = (disks: string[]) => chartsOf(window(...disks.flatMap((disk) =>
    [series('disk_read_bytes_per_s', disk, [1, 2]), series('disk_write_bytes_per_s', disk, [3, 4])])));
  assert.deepEqual(of(['/']).map(({ title }) => title), ['Disk reads and writes']);
  assert.deepEqual(of(['/', '/a', '/b']).map(({ title, lines }) => `${title} ${lines.length}`), ['Disk reads 3', 'Disk writes 3']);
});

test("a cell reaches half-way to its neighbours, and at the ends as far as on its other side", () => {
  assert.deepEqual(edgesOf([0, 10, 30], (time) => time), [[-5, 5], [5, 20], [20, 40]]);
  assert.deepEqual(edgesOf([7], (time) => time), [[6, 8]]);
});

test('a sample goes to the end of each course, and what it does not know is null', () => {
  const grown = withSample(window(series('cpu_percent', '', [1, 2]), series('load_5', '', [1, 2])), SAMPLE);
  assert.deepEqual(grown.times, [10, 20, 1000]);
  assert.deepEqual(grown.series.map(({ mean }) => mean.at(-1)), [7, null]);
});

test('a sample that is too close or older changes nothing', () => {
  const before = { ...window(series('cpu_percent', '', [1, 2])), times: [10, 995], step_ms: 10 };
  assert.equal(withSample(before, SAMPLE), before);
});

test('what has left a sliding window is forgotten', () => {
  const moved = slid(window(series('load_1', '', [1, 2])), 15, 115);
  assert.deepEqual([moved.times, moved.series[0]?.mean], [[20], [2]]);
});

test('loopback is no traffic, and an unknown rate is not zero', () => {
  const networks = [{ interface: 'lo', sent_bytes_per_s: 5 }, { interface: 'eth0' }];
  assert.equal(total(networks, 'sent_bytes_per_s'), undefined);
  assert.equal(total([...networks, { interface: 'eth1', sent_bytes_per_s: 2 }], 'sent_bytes_per_s'), 2);
});

test('a process that is busy and large is listed once', () => {
  assert.equal(SAMPLE.processes.length, 1);
  assert.equal(measures(SAMPLE).get('process_count\n'), 3);
});

test('ticks are round and reach the largest value', () => {
  assert.deepEqual(valueTicks(100), [0, 25, 50, 75, 100]);
  assert.deepEqual(valueTicks(4 * 1024 ** 3, true), [0, 1, 2, 3, 4].map((count) => count * 1024 ** 3));
});

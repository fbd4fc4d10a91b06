import assert from 'node:assert/strict';
import { test } from 'node:test';

import { gapsOf, usualStep, windowOf } from '../src/messenger/history.ts';
import type { Point } from '../src/messenger/parse.ts';

const NOW = Date.parse('2026-11-23T12:00:00Z');
const SECOND = 1000;

function point(secondsAgo: number, values: Record<string, number>): Point {
  return { at: NOW - secondsAgo * SECOND, ...values };
}

test('two missed samples are no gap, and five are', () => {
  const at = (seconds: number) => NOW + seconds * SECOND;
  assert.deepEqual(gapsOf([at(0), at(10), at(40)], 10 * SECOND), []);
  assert.deepEqual(gapsOf([at(0), at(10), at(60)], 10 * SECOND), [{ from: at(10), to: at(60) }]);
});

test('the usual step is the middle one', () => {
  assert.equal(usualStep([0, 10, 20, 500]), 10);
  assert.equal(usualStep([5]), 0);
});

test('a gap has a moment without values, so that no line crosses it', async () => {
  const points = [point(100, { cpu_percent: 1 }), point(90, { cpu_percent: 2 }), point(10, { cpu_percent: 3 }), point(0, {})];
  const window = await windowOf('web1', { range: '1h' }, async () => points, NOW);
  assert.deepEqual(window.series.map(({ metric }) => metric), ['cpu_percent']);
  assert.deepEqual(window.series[0]?.mean, [1, 2, null, 3, null]);
  assert.equal(window.gaps.length, 1);
  assert.equal(window.times.length, 5);
});

test('a zoomed span is cut out of the shortest history that reaches back far enough', async () => {
  let asked = '';
  const [from, to] = [NOW - 3 * 3_600_000, NOW - 2 * 3_600_000];
  const window = await windowOf('web1', { from, to }, async (range) => {
    asked = range;
    return [{ at: from - 1, load_1: 1 }, { at: from, load_1: 2 }, { at: to + 1, load_1: 3 }];
  }, NOW);
  assert.equal(asked, '12h');
  assert.deepEqual(window.times, [from]);
});

test('rolled-up points keep their bounds, and single ones are their own', async () => {
  const points = [point(20, { load_1: 1, load_1_min: 0.5, load_1_max: 3 }), point(10, { load_1: 2 })];
  const { series } = await windowOf('web1', { range: '1h' }, async () => points, NOW);
  assert.deepEqual([series[0]?.min, series[0]?.max], [[0.5, 2], [3, 2]]);
});

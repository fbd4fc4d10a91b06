// A host over time: four charts with one range and one cursor.

import { LineChart, usualStep } from './chart.js';
import { bytes, known, load, percent, rate } from './format.js';
import { total } from './host-card.js';

const HOUR = 3_600_000;

export const RANGES = {
  '1h': { span: HOUR, label: '1 hour' },
  '12h': { span: 12 * HOUR, label: '12 hours' },
  '24h': { span: 24 * HOUR, label: '24 hours' },
  '7d': { span: 7 * 24 * HOUR, label: '7 days' },
  '30d': { span: 30 * 24 * HOUR, label: '30 days' },
};

export class HostCharts {
  #points = [];
  #span = HOUR;
  #memory = null;
  #cpu = new LineChart({
    title: 'CPU', format: percent, series: [{ key: 'cpu_percent', label: 'CPU' }],
  });
  #mem = new LineChart({
    title: 'Memory', format: bytes, binary: true, floor: 1024 ** 2,
    series: [{ key: 'memory_used_bytes', label: 'used' }, { key: 'swap_used_bytes', label: 'swap' }],
  });
  #load = new LineChart({
    title: 'Load', format: load, floor: 1, series: [{ key: 'load_1', label: '1 min' }],
  });
  #net = new LineChart({
    title: 'Network', format: rate, binary: true, floor: 1024,
    series: [{ key: 'received_bytes_per_s', label: 'in' }, { key: 'sent_bytes_per_s', label: 'out' }],
  });

  constructor(container) {
    const all = this.#all();
    for (const chart of all) chart.onHover = (time) => all.forEach((each) => each.point(time));
    container.append(...all.map((chart) => chart.node));
  }

  show(points, range, sample) {
    this.#points = points.map((point) => ({ ...point, at: Date.parse(point.time) }));
    this.#span = RANGES[range].span;
    this.#memory = sample.memory_total_bytes ?? null;
    this.#draw();
  }

  /** Forgets what was shown, before another host or range comes. */
  clear(range) {
    this.#points = [];
    this.#span = RANGES[range].span;
    this.#draw();
  }

  /** Adds a sample that just arrived, unless the range is too long to show it. */
  append(sample) {
    const at = Date.parse(sample.taken_at);
    const last = this.#points.at(-1)?.at ?? 0;
    if (at - last >= 0.9 * usualStep(this.#points) && at > last) {
      this.#points.push({ ...pointOf(sample), at });
    }
    this.#draw();
  }

  #draw() {
    const to = Date.now();
    const from = to - this.#span;
    while (this.#points.length > 0 && this.#points[0].at < from) this.#points.shift();
    this.#cpu.set(this.#points, from, to, 100);
    this.#mem.set(this.#points, from, to, this.#memory);
    this.#load.set(this.#points, from, to);
    this.#net.set(this.#points, from, to);
  }

  #all() {
    return [this.#cpu, this.#mem, this.#load, this.#net];
  }
}

function pointOf(sample) {
  const { cpu_percent, load_1, memory_used_bytes, swap_used_bytes } = sample;
  const point = { cpu_percent, load_1, memory_used_bytes, swap_used_bytes,
    received_bytes_per_s: total(sample.networks, 'received_bytes_per_s'),
    sent_bytes_per_s: total(sample.networks, 'sent_bytes_per_s') };
  return Object.fromEntries(Object.entries(point).filter(([, value]) => known(value)));
}

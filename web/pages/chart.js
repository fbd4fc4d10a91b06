// A line chart over time: axes, the value under the pointer, gaps shown as gaps.

import { el, setText, svg } from './dom.js';
import { clock, day, known } from './format.js';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const TIME_STEPS = [
  5 * MINUTE, 10 * MINUTE, 15 * MINUTE, 30 * MINUTE, HOUR, 2 * HOUR, 3 * HOUR, 6 * HOUR, 12 * HOUR,
  DAY, 2 * DAY, 5 * DAY, 7 * DAY,
];

const HEIGHT = 168;
// On the left fits the longest label, such as 99.9 MiB/s.
const MARGIN = { top: 8, right: 10, bottom: 22, left: 78 };

/** A silence longer than this many usual steps is a gap. */
const GAP_STEPS = 3;
/** Two samples of the usual 10 s, missed, are no gap yet. */
const GAP_MIN_MS = 35_000;

/**
 * @param {{title: string, series: {key: string, label: string}[],
 *   format: (value: number) => string, binary?: boolean, floor?: number}} options
 *   `binary` puts ticks at powers of two; `floor` is the least upper end of the value axis.
 */
export class LineChart {
  #options;
  #points = [];
  #from = 0;
  #to = 1;
  #top = null;
  #width = 0;
  #at = null;
  #spoken = el('span', { class: 'visually-hidden', 'aria-live': 'polite' });
  #reading = el('div', { class: 'chart-reading' });
  #svg = svg('svg', { class: 'chart-plot', role: 'img', tabindex: 0, height: HEIGHT });
  #cursor = svg('g', { class: 'chart-cursor', visibility: 'hidden' });
  #empty = el('p', { class: 'chart-empty', hidden: true }, 'Nothing was measured in this time.');

  /** Called with a time, or null, when the pointer or an arrow key moves. */
  onHover = () => {};

  constructor(options) {
    this.#options = options;
    this.node = el('figure', { class: 'card chart' },
      el('figcaption', { class: 'chart-head' }, el('h3', {}, options.title), this.#reading),
      el('div', { class: 'chart-body' }, this.#svg, this.#empty), this.#spoken);
    new ResizeObserver(([entry]) => {
      const width = Math.floor(entry.contentRect.width);
      if (width !== this.#width) {
        this.#width = width;
        this.#draw();
      }
    }).observe(this.#svg.parentElement);
    this.#listen();
  }

  /** Shows points, oldest first, between two moments. `top` fixes the upper end of the axis. */
  set(points, from, to, top = null) {
    this.#points = points;
    this.#from = from;
    this.#to = to;
    this.#top = top;
    this.#draw();
  }

  /** Marks the point nearest to a moment; null marks none. */
  point(time) {
    this.#at = time === null ? null : this.#nearest(time);
    this.#showCursor();
  }

  #listen() {
    this.#svg.addEventListener('pointermove', (event) => {
      const x = event.clientX - this.#svg.getBoundingClientRect().left;
      const share = (x - MARGIN.left) / this.#plotWidth();
      const inside = share >= 0 && share <= 1;
      this.onHover(inside ? this.#from + share * (this.#to - this.#from) : null);
    });
    this.#svg.addEventListener('pointerleave', () => this.onHover(null));
    this.#svg.addEventListener('blur', () => this.onHover(null));
    this.#svg.addEventListener('keydown', (event) => this.#onKey(event));
  }

  #onKey(event) {
    const last = this.#points.length - 1;
    if (last < 0) return;
    const step = Math.max(1, Math.round(this.#points.length / 60));
    const at = this.#at ?? last;
    const next = {
      ArrowLeft: Math.max(0, at - step),
      ArrowRight: Math.min(last, at + step),
      Home: 0,
      End: last,
    }[event.key];
    if (event.key === 'Escape') this.onHover(null);
    if (next === undefined) return;
    event.preventDefault();
    this.onHover(this.#points[next].at);
    setText(this.#spoken, `${momentOf(this.#points[next].at, this.#to - this.#from)}: ${this.#describe(this.#points[next])}`);
  }

  #draw() {
    if (this.#width < 40) return;
    this.#svg.setAttribute('width', this.#width);
    this.#svg.setAttribute('viewBox', `0 0 ${this.#width} ${HEIGHT}`);
    const scale = this.#scale();
    const gap = Math.max(GAP_MIN_MS, GAP_STEPS * usualStep(this.#points));
    const lines = this.#options.series.map(({ key }, index) =>
      drawSeries(segments(this.#points, key, gap), key, index, scale));
    this.#svg.replaceChildren(
      ...drawValueAxis(scale, this.#width, this.#options.format),
      ...drawTimeAxis(scale, this.#from, this.#to, this.#plotWidth()),
      // The first series is the one to see, so it is drawn last.
      ...lines.reverse(), this.#cursor);
    const any = this.#points.some((point) => this.#options.series.some(({ key }) => known(point[key])));
    this.#empty.hidden = any;
    this.#svg.setAttribute('aria-label', this.#summary(any));
    if (this.#at !== null && this.#at >= this.#points.length) this.#at = null;
    this.#showCursor();
  }

  #scale() {
    const ticks = valueTicks(this.#top ?? this.#largest(), this.#options.binary);
    const top = this.#top ?? ticks.at(-1);
    const height = HEIGHT - MARGIN.top - MARGIN.bottom;
    const span = this.#to - this.#from;
    return {
      ticks: ticks.filter((tick) => tick <= top),
      x: (time) => MARGIN.left + ((time - this.#from) / span) * this.#plotWidth(),
      y: (value) => MARGIN.top + height * (1 - Math.min(value, top) / top),
    };
  }

  #largest() {
    let largest = this.#options.floor ?? 1;
    for (const point of this.#points) {
      for (const { key } of this.#options.series) {
        const value = point[`${key}_max`] ?? point[key];
        if (known(value) && value > largest) largest = value;
      }
    }
    return largest;
  }

  #showCursor() {
    const point = this.#at === null ? null : this.#points[this.#at];
    this.#cursor.setAttribute('visibility', point ? 'visible' : 'hidden');
    const shown = point ?? this.#points.at(-1);
    this.#read(shown, point !== null);
    if (!point || this.#width < 40) return;
    const scale = this.#scale();
    const x = scale.x(point.at);
    const dots = this.#options.series.flatMap(({ key }, index) => known(point[key])
      ? [svg('circle', { cx: x, cy: scale.y(point[key]), r: 3.5, class: `dot series-${index}` })] : []);
    this.#cursor.replaceChildren(
      svg('line', { x1: x, x2: x, y1: MARGIN.top, y2: HEIGHT - MARGIN.bottom }), ...dots);
  }

  #read(point, marked) {
    const many = this.#options.series.length > 1;
    const values = this.#options.series.map(({ key, label }, index) =>
      el('span', { class: 'chart-value' },
        many ? el('span', { class: `key series-${index}` }) : null,
        many ? el('span', { class: 'chart-label' }, label) : null,
        el('strong', {}, this.#options.format(point?.[key]))));
    const time = marked ? el('span', { class: 'chart-time' }, momentOf(point.at, this.#to - this.#from)) : null;
    this.#reading.replaceChildren(...(time ? [time] : []), ...values);
  }

  #describe(point) {
    return this.#options.series
      .map(({ key, label }) => `${label} ${this.#options.format(point[key])}`).join(', ');
  }

  #summary(any) {
    const { title } = this.#options;
    if (!any) return `${title}: nothing was measured in this time.`;
    const last = this.#describe(this.#points.at(-1));
    return `${title}, line chart. Last: ${last}. Use the arrow keys to read single values.`;
  }

  #nearest(time) {
    if (this.#points.length === 0) return null;
    let low = 0;
    let high = this.#points.length - 1;
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if (this.#points[middle].at < time) low = middle;
      else high = middle;
    }
    const near = time - this.#points[low].at < this.#points[high].at - time ? low : high;
    const reach = Math.max(GAP_MIN_MS, 2 * usualStep(this.#points));
    return Math.abs(this.#points[near].at - time) <= reach ? near : null;
  }

  #plotWidth() {
    return Math.max(1, this.#width - MARGIN.left - MARGIN.right);
  }
}

/** The median distance of neighbouring points. */
export function usualStep(points) {
  const steps = points.slice(1).map((point, index) => point.at - points[index].at).sort((a, b) => a - b);
  return steps[steps.length >> 1] ?? 0;
}

/** Runs of neighbouring points that have a value. */
export function segments(points, key, gap) {
  const runs = [];
  let run = [];
  for (const point of points) {
    const broken = run.length > 0 && point.at - run.at(-1).at > gap;
    if (broken || !known(point[key])) {
      if (run.length > 0) runs.push(run);
      run = [];
    }
    if (known(point[key])) run.push(point);
  }
  if (run.length > 0) runs.push(run);
  return runs;
}

/** Round values from zero to at least `largest`. */
export function valueTicks(largest, binary = false) {
  const step = roundStep(largest / 4, binary);
  const count = Math.max(1, Math.ceil(largest / step - 1e-9));
  return Array.from({ length: count + 1 }, (_, index) => index * step);
}

function roundStep(raw, binary) {
  const base = binary ? 1024 : 10;
  const unit = base ** Math.floor(Math.log(Math.max(raw, 1e-9)) / Math.log(base));
  const rounds = binary ? [1, 2, 5, 10, 20, 50, 100, 200, 500, 1024] : [1, 2, 2.5, 5, 10];
  return unit * rounds.find((round) => round * unit >= raw * 0.999);
}

function drawSeries(runs, key, index, scale) {
  const line = (run, name) => run.map((point) => `${scale.x(point.at).toFixed(1)},${scale.y(point[name] ?? point[key]).toFixed(1)}`);
  const base = scale.y(0).toFixed(1);
  const group = svg('g', { class: `line series-${index}` });
  for (const run of runs) {
    const path = line(run, key);
    if (run.length === 1) path.push(path[0]);
    if (index === 0) {
      const [first, last] = [path[0].split(',')[0], path.at(-1).split(',')[0]];
      group.append(svg('path', { class: 'area', d: `M${first},${base}L${path.join('L')}L${last},${base}Z` }));
    }
    if (run.some((point) => known(point[`${key}_max`]))) {
      const band = [...line(run, `${key}_max`), ...line(run, `${key}_min`).reverse()];
      group.append(svg('path', { class: 'band', d: `M${band.join('L')}Z` }));
    }
    group.append(svg('path', { class: 'stroke', d: `M${path.join('L')}` }));
  }
  return group;
}

function drawValueAxis(scale, width, format) {
  return scale.ticks.flatMap((tick) => {
    const y = Math.round(scale.y(tick)) + 0.5;
    const label = svg('text', { x: MARGIN.left - 8, y: y + 3.5, 'text-anchor': 'end' });
    label.textContent = format(tick);
    return [svg('line', { class: 'grid', x1: MARGIN.left, x2: width - MARGIN.right, y1: y, y2: y }), label];
  });
}

function drawTimeAxis(scale, from, to, width) {
  const most = Math.max(2, Math.floor(width / 76));
  const step = TIME_STEPS.find((candidate) => (to - from) / candidate <= most) ?? 7 * DAY;
  return timeTicks(from, to, step).map((time) => {
    const label = svg('text', { x: scale.x(time), y: HEIGHT - 6, 'text-anchor': 'middle' });
    label.textContent = step >= DAY || new Date(time).getHours() + new Date(time).getMinutes() === 0 ? day(time) : clock(time);
    return label;
  });
}

/** Moments at whole steps of local time. */
function timeTicks(from, to, step) {
  const midnight = new Date(from);
  midnight.setHours(0, 0, 0, 0);
  const ticks = [];
  if (step >= DAY) {
    for (let date = midnight; date.getTime() <= to; date.setDate(date.getDate() + step / DAY)) {
      if (date.getTime() >= from) ticks.push(date.getTime());
    }
    return ticks;
  }
  const first = midnight.getTime() + Math.ceil((from - midnight.getTime()) / step) * step;
  for (let time = first; time <= to; time += step) ticks.push(time);
  return ticks;
}

function momentOf(time, span) {
  return span > DAY ? `${day(time)}, ${clock(time)}` : clock(time, span <= HOUR);
}

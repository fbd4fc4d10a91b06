// A host, small.

import { el, setText } from './dom.js';
import { ago, celsius, duration, known, load, percent, rate } from './format.js';

/** From these shares on, a bar asks for a look. */
const HIGH = 80;
const FULL = 92;

export class HostCard {
  #status = null;
  #pill = el('span', { class: 'pill' }, el('span', { class: 'pill-dot' }), el('span', { class: 'pill-text' }));
  #os = el('div', { class: 'host-os' });
  #seen = el('span', { class: 'host-seen' });
  #meters = { CPU: new Meter(), Memory: new Meter(), Disk: new Meter() };
  #facts = {};
  #link;

  constructor(host, choose) {
    for (const name of ['Load', 'Up', 'In', 'Out', 'Heat']) this.#facts[name] = el('dd');
    this.#link = el('a', {
      class: 'card host',
      href: '/',
      onclick: (event) => {
        if (event.ctrlKey || event.metaKey || event.shiftKey) return;
        event.preventDefault();
        choose(host);
      },
    },
    el('div', { class: 'host-head' }, el('h2', { class: 'host-name', title: host }, host), this.#pill),
    this.#os,
    el('div', { class: 'meters' }, Object.entries(this.#meters).map(([name, meter]) =>
      el('div', { class: 'meter-row' }, el('span', {}, name), meter.bar, meter.text))),
    el('dl', { class: 'host-facts' }, Object.entries(this.#facts).map(([name, value]) =>
      el('div', {}, el('dt', {}, name), value))),
    this.#seen);
    this.node = el('li', {}, this.#link);
  }

  link(href, current) {
    this.#link.setAttribute('href', href);
    if (current) this.#link.setAttribute('aria-current', 'true');
    else this.#link.removeAttribute('aria-current');
  }

  show(status) {
    this.#status = status;
    const { sample, stale } = status;
    this.#pill.dataset.state = stale ? 'warn' : 'good';
    setText(this.#pill.querySelector('.pill-text'), stale ? 'Stale' : 'Live');
    this.#link.classList.toggle('is-stale', stale);
    setText(this.#os, sample.os ?? 'operating system not told');
    this.#meters.CPU.show(sample.cpu_percent);
    this.#meters.Memory.show(share(sample.memory_used_bytes, sample.memory_total_bytes));
    this.#meters.Disk.show(fullest(sample.disks));
    setText(this.#facts.Load, load(sample.load_1));
    setText(this.#facts.Up, duration(sample.uptime_s));
    setText(this.#facts.In, rate(total(sample.networks, 'received_bytes_per_s')));
    setText(this.#facts.Out, rate(total(sample.networks, 'sent_bytes_per_s')));
    const heat = Math.max(...(sample.temperatures ?? []).map((sensor) => sensor.celsius));
    this.#facts.Heat.parentElement.hidden = !known(heat);
    setText(this.#facts.Heat, celsius(heat));
    this.showSeen();
  }

  showSeen() {
    if (this.#status) setText(this.#seen, `Last seen ${ago(this.#status.last_seen)}`);
  }
}

export class Meter {
  #fill = el('span');
  text = el('span');
  bar = el('div', { class: 'meter', 'aria-hidden': 'true' }, this.#fill);

  show(value) {
    setText(this.text, percent(value));
    this.#fill.style.width = known(value) ? `${Math.min(100, Math.max(0, value))}%` : '0';
    this.bar.dataset.level = value >= FULL ? 'full' : value >= HIGH ? 'high' : 'usual';
    return this;
  }
}

export function share(part, whole) {
  return known(part) && whole > 0 ? (part / whole) * 100 : undefined;
}

/** The rate over all interfaces but loopback; undefined if none is known. */
export function total(networks, key) {
  const rates = (networks ?? []).filter(({ interface: name }) => name !== 'lo').map((network) => network[key]);
  const measured = rates.filter(known);
  return measured.length > 0 ? measured.reduce((sum, value) => sum + value, 0) : undefined;
}

function fullest(disks) {
  const shares = (disks ?? []).map((disk) => share(disk.used_bytes, disk.total_bytes)).filter(known);
  return shares.length > 0 ? Math.max(...shares) : undefined;
}

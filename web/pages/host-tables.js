// A host at this moment: cores, processes, file systems, interfaces and sensors.

import { byId, el } from './dom.js';
import { bytes, celsius, number, percent, rate } from './format.js';
import { Meter, share } from './host-card.js';

const ORDERS = { top_cpu: 'By CPU', top_memory: 'By memory' };

let order = 'top_cpu';

/** Prepares the order of processes; `changed` shows them anew. */
export function startTables(changed) {
  const buttons = Object.entries(ORDERS).map(([name, label]) => el('button', {
    type: 'button',
    'aria-pressed': String(name === order),
    onclick: () => {
      order = name;
      buttons.forEach((button, index) =>
        button.setAttribute('aria-pressed', String(Object.keys(ORDERS)[index] === order)));
      changed();
    },
  }, label));
  byId('process-order').append(...buttons);
}

export function showTables(sample) {
  showCores(sample.cpu_cores_percent ?? []);
  showProcesses(sample.processes?.[order] ?? []);
  showDisks(sample.disks ?? []);
  showNetworks(sample.networks ?? []);
  showSensors(sample.temperatures ?? []);
}

function showCores(cores) {
  const box = byId('cores');
  if (cores.length === 0) {
    box.replaceChildren(nothing('This host does not tell its cores.'));
    return;
  }
  if (box.querySelectorAll('.core').length !== cores.length) {
    box.replaceChildren(...cores.map((_, index) => el('div', { class: 'core' },
      el('div', { class: 'core-bar', 'aria-hidden': 'true' }, el('span')),
      el('b'), el('span', {}, el('span', { class: 'visually-hidden' }, 'core '), String(index)))));
  }
  box.querySelectorAll('.core').forEach((core, index) => {
    core.querySelector('.core-bar span').style.height = `${Math.min(100, cores[index])}%`;
    core.querySelector('b').textContent = `${number(cores[index])}%`;
  });
}

function showProcesses(processes) {
  const rows = processes.map((process) =>
    [name(process.name), String(process.pid), percent(process.cpu_percent), bytes(process.memory_bytes)]);
  show('processes', ['Name', 'PID', 'CPU', 'Memory'], rows, 'This host does not tell its processes.');
}

function showDisks(disks) {
  const rows = disks.map((disk) => {
    const meter = new Meter().show(share(disk.used_bytes, disk.total_bytes));
    return [name(disk.mount), disk.file_system, el('span', {}, meter.bar, meter.text),
      bytes(disk.total_bytes), rate(disk.read_bytes_per_s), rate(disk.write_bytes_per_s)];
  });
  const heads = ['Mount', 'Type', 'Used', 'Size', 'Read', 'Write'];
  show('disks', heads, rows, 'This host does not tell its file systems.');
}

function showNetworks(networks) {
  const rows = networks.map((network) => [name(network.interface), rate(network.received_bytes_per_s),
    rate(network.sent_bytes_per_s), number(network.errors)]);
  show('networks', ['Interface', 'In', 'Out', 'Errors'], rows, 'This host does not tell its interfaces.');
}

function showSensors(sensors) {
  const rows = sensors.map((sensor) => [name(sensor.sensor), celsius(sensor.celsius)]);
  show('sensors', ['Sensor', 'Temperature'], rows, '');
}

/** Shows a table, or why there is none. A table that is there already gets new rows only, and
 * keeps its place when it was scrolled. */
function show(id, heads, rows, none) {
  const box = byId(id);
  if (rows.length === 0) {
    box.replaceChildren(...(none ? [nothing(none)] : []));
    return;
  }
  if (!box.querySelector('table')) box.replaceChildren(emptyTable(heads));
  box.querySelector('tbody').replaceChildren(...rows.map((row) => el('tr', {},
    row.map((content, index) => el('td', {
      class: isText(heads, index) ? 'name' : 'num',
      title: index === 0 ? content : null,
    }, content)))));
}

function emptyTable(heads) {
  return el('div', { class: 'table', tabindex: 0, role: 'group', 'aria-label': `${heads[0]} table` },
    el('table', {}, el('thead', {}, el('tr', {}, heads.map((head, index) =>
      el('th', { scope: 'col', class: isText(heads, index) ? null : 'num' }, head)))), el('tbody')));
}

/** Columns are numbers, the first and a file system's type excepted. */
function isText(heads, index) {
  return index === 0 || heads[index] === 'Type';
}

function name(text) {
  return text === '' ? '(no name)' : text;
}

function nothing(text) {
  return el('p', { class: 'muted small' }, text);
}

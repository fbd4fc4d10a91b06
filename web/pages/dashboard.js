// The dashboard: every host as a card, one of them in full.

import { byId, el, setHidden, setText } from './dom.js';
import { ago, duration, number, plural, usd } from './format.js';
import { HostCard } from './host-card.js';
import { HostCharts, RANGES } from './host-charts.js';
import { showTables, startTables } from './host-tables.js';
import { ServerMessenger } from './messenger.js';
import { startNav } from './nav.js';

/** While no events arrive. */
const POLL_MS = 5000;
/** While they do: the charts' older part may have been filled in late. */
const REFRESH_MS = 60_000;

const messenger = new ServerMessenger();
const hosts = new Map();
const cards = new Map();
const charts = new HostCharts(byId('charts'));
let chosen = null;
let range = '1h';
let asked = 0;

start();

function start() {
  readAddress();
  startTables(() => showDetail());
  startReset();
  messenger.addEventListener('fresh', readAll);
  messenger.addEventListener('host', (event) => takeHost(event.detail));
  messenger.addEventListener('usage', (event) => takeUsage(event.detail));
  messenger.addEventListener('link', (event) => showLink(event.detail));
  addEventListener('popstate', () => {
    readAddress();
    select();
  });
  setInterval(() => {
    if (messenger.connection !== 'live' && !document.hidden) readAll();
  }, POLL_MS);
  setInterval(() => {
    if (!document.hidden) readAll();
  }, REFRESH_MS);
  setInterval(showTimes, 1000);
  startNav(messenger);
  readAll();
}

async function readAll() {
  try {
    const [status, link] = await Promise.all([messenger.status(), messenger.link()]);
    const names = new Set(status.hosts.map(({ host }) => host));
    for (const name of hosts.keys()) {
      if (!names.has(name)) forget(name);
    }
    for (const host of status.hosts) keep(host);
    showUsage(status.usage);
    showLink(link);
    setHidden(byId('trouble'), true);
    setHidden(byId('waiting'), hosts.size > 0);
    select();
  } catch (error) {
    setText(byId('trouble'), `The status could not be read: ${error.message}. Trying again.`);
    setHidden(byId('trouble'), false);
    if (hosts.size === 0) setText(byId('summary'), '');
  }
}

function takeHost(status) {
  const first = !hosts.has(status.host);
  keep(status);
  setHidden(byId('waiting'), true);
  if (first) {
    select();
  } else if (status.host === chosen) {
    charts.append(status.sample);
    showDetail();
  }
  showSummary();
}

function keep(status) {
  hosts.set(status.host, status);
  if (!cards.has(status.host)) {
    cards.set(status.host, new HostCard(status.host, choose));
    const sorted = [...cards.keys()].sort();
    byId('hosts').replaceChildren(...sorted.map((name) => cards.get(name).node));
  }
  cards.get(status.host).show(status);
}

function forget(name) {
  hosts.delete(name);
  cards.get(name)?.node.remove();
  cards.delete(name);
}

/** Shows the host and range that the address names; the first host if it names none. */
function select() {
  showSummary();
  const names = [...hosts.keys()].sort();
  if (!hosts.has(chosen)) chosen = names[0] ?? null;
  for (const [name, card] of cards) card.link(address(name, range), name === chosen);
  setHidden(byId('detail'), chosen === null);
  if (chosen === null) return;
  byId('ranges').replaceChildren(...Object.keys(RANGES).map((name) => rangeLink(name)));
  showDetail();
  readHistory();
}

async function readHistory() {
  const [host, span] = [chosen, range];
  const mine = ++asked;
  try {
    const points = await messenger.history(host, span);
    if (mine !== asked) return;
    charts.show(points, span, hosts.get(host).sample);
    setHidden(byId('chart-trouble'), true);
  } catch (error) {
    if (mine !== asked) return;
    setText(byId('chart-trouble'), `The history could not be read: ${error.message}.`);
    setHidden(byId('chart-trouble'), false);
  }
}

function showDetail() {
  const status = hosts.get(chosen);
  if (!status) return;
  const { sample } = status;
  setText(byId('detail-title'), status.host);
  const facts = [sample.os, sample.kernel && `kernel ${sample.kernel}`,
    sample.uptime_s !== undefined && `up ${duration(sample.uptime_s)}`,
    sample.processes && plural(sample.processes.count, 'process', 'processes')];
  setText(byId('facts'), facts.filter(Boolean).join(' · '));
  const question = `How is ${status.host} doing, and is anything unusual?`;
  byId('ask').href = `/chat?${new URLSearchParams({ prompt: question })}`;
  showTables(sample);
}

function showSummary() {
  const stale = [...hosts.values()].filter((status) => status.stale).length;
  const live = hosts.size - stale;
  const parts = hosts.size === 0 ? [] : [`${live} live`, ...(stale ? [`${stale} stale`] : [])];
  setText(byId('summary'), parts.join(' · '));
}

function showTimes() {
  for (const card of cards.values()) card.showSeen();
}

function choose(host) {
  go(host, range);
}

function go(host, span) {
  if (host === chosen && span === range) return;
  if (host !== chosen || span !== range) charts.clear(span);
  [chosen, range] = [host, span];
  history.pushState(null, '', address(host, span));
  select();
}

function rangeLink(name) {
  return el('a', {
    href: address(chosen, name),
    'aria-current': name === range ? 'true' : null,
    title: RANGES[name].label,
    onclick: (event) => {
      if (event.ctrlKey || event.metaKey || event.shiftKey) return;
      event.preventDefault();
      go(chosen, name);
      byId('ranges').querySelector('[aria-current]')?.focus();
    },
  }, name);
}

function address(host, span) {
  return `/?${new URLSearchParams({ host, range: span })}`;
}

function readAddress() {
  const query = new URLSearchParams(location.search);
  chosen = query.get('host') ?? chosen;
  range = Object.hasOwn(RANGES, query.get('range') ?? '') ? query.get('range') : '1h';
}

function showLink(link) {
  const facts = [
    fact('Bus', link.connected ? 'connected' : 'not connected', link.connected ? '' : 'bad'),
    fact('Waiting to be sent', number(link.outbox_waiting), link.outbox_waiting > 0 ? 'warn' : ''),
    fact('Could not be opened', number(link.dead_letters), link.dead_letters > 0 ? 'bad' : ''),
    ...(link.awaited > 0 ? [fact('Asked for again', number(link.awaited), 'warn')] : []),
    ...(link.held > 0 ? [fact('Held: a key has changed', number(link.held), 'bad')] : []),
    fact('Last envelope in', link.last_in ? ago(link.last_in) : 'none yet'),
    fact('Last envelope out', link.last_out ? ago(link.last_out) : 'none yet'),
  ];
  byId('link').replaceChildren(...facts);
}

function takeUsage(usage) {
  setText(byId('usage-note'), '');
  showUsage(usage);
}

function showUsage(usage) {
  byId('usage').replaceChildren(
    fact('Cost', usd(usage.cost_usd)),
    fact('Answers', number(usage.answers)),
    fact('Tokens read', number(usage.input_tokens)),
    fact('Tokens written', number(usage.output_tokens)),
    fact('Since', Date.parse(usage.since) > 0 ? new Date(usage.since).toLocaleString(undefined, {
      dateStyle: 'medium', timeStyle: 'short' }) : 'not heard yet'));
}

function fact(name, value, state = '') {
  return el('div', {}, el('dt', {}, name), el('dd', { class: state }, value));
}

function startReset() {
  const dialog = byId('confirm');
  byId('reset').addEventListener('click', () => dialog.showModal());
  byId('confirm-no').addEventListener('click', () => dialog.close());
  byId('confirm-yes').addEventListener('click', async () => {
    dialog.close();
    setText(byId('usage-note'), 'The reset is on its way to the agent, sealed.');
    try {
      await messenger.resetUsage();
    } catch (error) {
      setText(byId('usage-note'), `The counters were not reset: ${error.message}.`);
    }
  });
}

// Two people, and what is between them.

import { byId, byteLength, el, growWithText, scrollToEnd, sendOnEnter, setHidden, setText } from './dom.js';
import { dump } from './envelope.js';
import { bytes, clock, moment } from './format.js';
import { ServerMessenger } from './messenger.js';
import { startNav } from './nav.js';

const ENVELOPES = 60;
/** While no events arrive. */
const POLL_MS = 2000;

const messenger = new ServerMessenger();
const people = [];
let textMax = 8192;

start();

async function start() {
  startNav(messenger);
  let about;
  try {
    about = await messenger.about();
  } catch (error) {
    trouble(`The page cannot start: ${error.message}. Reload it to try again.`);
    return;
  }
  textMax = about.text_max_bytes;
  const left = new Person(byId('left'), about.alice, about.bob);
  const right = new Person(byId('right'), about.bob, about.alice);
  [left.other, right.other] = [right, left];
  people.push(left, right);
  byId('commands').append(...about.subjects.map(command));
  messenger.watchWire(showEnvelope);
  messenger.addEventListener('fresh', readAll);
  messenger.addEventListener('direct', readAll);
  setInterval(() => {
    if (messenger.connection !== 'live' && !document.hidden) readAll();
  }, POLL_MS);
  readAll();
}

async function readAll() {
  try {
    await Promise.all(people.map((person) => person.read()));
    setHidden(byId('trouble'), true);
  } catch (error) {
    trouble(`Messages could not be read: ${error.message}. Trying again.`);
  }
}

/** One of the two, with their side of the conversation. */
class Person {
  other = null;
  #name;
  #to;
  #list;
  #box;
  #fit;
  #send;
  #cursor = 0;
  #reading = null;
  #again = false;
  #shown = new Map();

  constructor(section, name, to) {
    this.#name = name;
    this.#to = to;
    this.#list = section.querySelector('.messages');
    this.#box = section.querySelector('textarea');
    this.#send = section.querySelector('button');
    this.#box.placeholder = `Write to ${to} …`;
    this.#fit = growWithText(this.#box);
    sendOnEnter(this.#box, () => this.#submit());
    section.querySelector('form').addEventListener('submit', (event) => {
      event.preventDefault();
      this.#submit();
    });
  }

  /** Reads what has arrived. Calls that overlap share one reading, and one more follows it. */
  read() {
    if (this.#reading) {
      this.#again = true;
      return this.#reading;
    }
    this.#reading = this.#readToEnd().finally(() => { this.#reading = null; });
    return this.#reading;
  }

  /** Shows a message; `own` ones stand on the right. */
  show(message, own, state) {
    const known = this.#shown.get(message.id);
    if (known) {
      setText(known, state);
      return;
    }
    const line = el('small', {}, state);
    const node = el('div', { class: own ? 'message own' : 'message' }, el('p', {}, message.text), line);
    node.dataset.at = Date.parse(message.sent_at);
    this.#shown.set(message.id, line);
    const later = [...this.#list.children].find((child) => Number(child.dataset.at) > Number(node.dataset.at));
    this.#list.insertBefore(node, later ?? null);
    scrollToEnd(this.#list);
  }

  async #readToEnd() {
    do {
      this.#again = false;
      const { messages, cursor } = await messenger.pull(this.#name, this.#cursor);
      for (const message of messages) this.#take(message);
      this.#again ||= cursor !== this.#cursor;
      this.#cursor = cursor;
    } while (this.#again);
  }

  #take(message) {
    const when = moment(message.sent_at);
    this.show(message, false, `${message.from} · ${when}`);
    if (message.from === this.#to) this.other.show(message, true, `${when} · delivered ✓`);
  }

  async #submit() {
    const text = this.#box.value.trim();
    if (text === '') return;
    if (byteLength(text) > textMax) {
      trouble(`A message has at most ${bytes(textMax)}.`);
      return;
    }
    this.#send.disabled = true;
    try {
      const { id } = await messenger.send(this.#name, this.#to, text);
      this.#box.value = '';
      this.#fit();
      setHidden(byId('trouble'), true);
      const sent_at = new Date().toISOString();
      if (!this.#shown.has(id)) this.show({ id, text, sent_at }, true, `${moment(sent_at)} · sealed, on its way`);
    } catch (error) {
      const what = error.status === 0 ? 'Not confirmed' : 'Not sent';
      trouble(`${what}: ${error.message}. Your text is still there.`);
    } finally {
      this.#send.disabled = false;
    }
  }
}

function showEnvelope(seen) {
  const body = el('div');
  const details = el('details', { class: 'envelope new' },
    el('summary', {},
      el('span', { class: 'subject', title: seen.subject }, seen.subject),
      el('span', {}, `${seen.size.toLocaleString()} B`),
      el('span', { class: 'muted' }, clock(seen.at, true)),
      el('span', { class: 'head' }, headOf(seen.hex))),
    body);
  details.addEventListener('toggle', () => {
    if (details.open && body.childElementCount === 0) body.append(headers(seen.headers), dump(seen.hex, seen.size));
  });
  const list = byId('envelopes');
  list.prepend(el('li', {}, details));
  while (list.childElementCount > ENVELOPES) list.lastElementChild.remove();
  setHidden(byId('quiet'), true);
}

function headers(list) {
  return el('div', { class: 'headers' }, list.length === 0 ? 'No headers.'
    : list.map(([name, value]) => el('div', {}, el('code', {}, `${name}: ${value}`))));
}

function headOf(hex) {
  return (hex.slice(0, 96).match(/../g) ?? []).join(' ');
}

function command(subject) {
  const line = `nats sub '${subject}'`;
  const button = el('button', { type: 'button', class: 'button', 'aria-label': `Copy ${line}` }, 'Copy');
  button.addEventListener('click', async () => {
    try {
      await navigator.clipboard.writeText(line);
      setText(button, 'Copied');
    } catch {
      getSelection().selectAllChildren(button.previousElementSibling);
      setText(button, 'Selected');
    }
    setTimeout(() => setText(button, 'Copy'), 1800);
  });
  return el('div', { class: 'command' }, el('code', { tabindex: 0 }, line), button);
}

function trouble(text) {
  setText(byId('trouble'), text);
  setHidden(byId('trouble'), false);
}

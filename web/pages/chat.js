// The conversation with the agent.

import { ChatView } from './chat-view.js';
import { byId, byteLength, el, growWithText, scrollToEnd, sendOnEnter, setHidden, setText } from './dom.js';
import { number } from './format.js';
import { ServerMessenger } from './messenger.js';
import { startNav } from './nav.js';

const SUGGESTIONS = [
  'What is the load, and is anything unusual?',
  'Summarise the last 24 hours on every host.',
  'Which file system is the fullest?',
  'What uses the most memory right now?',
];

/** How often to ask for an answer that events should bring, and without them. */
const CHECK_MS = 15_000;
const POLL_MS = 3000;

const HINT = 'Enter sends, Shift+Enter starts a new line.';

const messenger = new ServerMessenger();
const views = new Map();
const box = byId('prompt');
let limits = { text_max_bytes: 8192, chat_timeout_ms: 25_000 };
let fit = () => {};

start();

async function start() {
  const hidden = new URLSearchParams(location.search).get('prompt');
  if (hidden) {
    // Filled in, not sent: an address alone must not make anybody say something.
    box.value = hidden.slice(0, 2000);
    history.replaceState(null, '', '/chat');
  }
  fit = growWithText(box);
  box.addEventListener('input', showLength);
  sendOnEnter(box, submit);
  byId('composer').addEventListener('submit', (event) => {
    event.preventDefault();
    submit();
  });
  byId('suggestions').append(...SUGGESTIONS.map((text) => el('button', {
    type: 'button', class: 'card suggestion', onclick: () => ask(text),
  }, text)));
  messenger.addEventListener('fresh', readHistory);
  messenger.addEventListener('chat', (event) => take(event.detail));
  setInterval(tick, 1000);
  setInterval(() => check(CHECK_MS), CHECK_MS);
  setInterval(() => {
    if (messenger.connection !== 'live') check(POLL_MS);
  }, POLL_MS);
  startNav(messenger);
  readHistory();
  showLength();
  box.focus();
  limits = await messenger.about().catch(() => limits);
}

async function readHistory() {
  try {
    const entries = await messenger.chatHistory();
    for (const entry of entries) take(entry, false);
    setHidden(byId('loading'), true);
    setHidden(byId('welcome'), views.size > 0 || byId('entries').childElementCount > 0);
    setHidden(byId('trouble'), true);
    byId('log').scrollTop = byId('log').scrollHeight;
  } catch (error) {
    setHidden(byId('loading'), true);
    setText(byId('trouble'), `The conversation could not be read: ${error.message}.`);
    setHidden(byId('trouble'), false);
  }
}

function submit() {
  const text = box.value.trim();
  if (text === '' || byteLength(text) > limits.text_max_bytes) return;
  box.value = '';
  fit();
  showLength();
  ask(text);
}

async function ask(text) {
  const view = new ChatView(text, () => {
    view.node.remove();
    ask(text);
  });
  add(view);
  try {
    const { id } = await messenger.ask(text);
    if (views.has(id)) {
      // An event was quicker than the answer to the call.
      view.node.remove();
      return;
    }
    view.id = id;
    views.set(id, view);
    view.accepted();
    refresh(view);
  } catch (error) {
    view.fail(error);
  }
  keepEndInView(true);
}

function take(entry, follow = true) {
  const known = views.get(entry.id);
  const view = known ?? new ChatView(entry.prompt, () => ask(entry.prompt));
  view.id = entry.id;
  views.set(entry.id, view);
  const atEnd = isAtEnd();
  if (!known) add(view, false);
  view.show(entry);
  if (follow) keepEndInView(atEnd);
}

function add(view, follow = true) {
  setHidden(byId('loading'), true);
  setHidden(byId('welcome'), true);
  byId('entries').append(view.node);
  if (follow) keepEndInView(true);
}

/** Asks for entries that have been silent for a while. */
function check(silence) {
  if (document.hidden) return;
  for (const view of views.values()) {
    if (view.waits && view.silentFor() >= silence) refresh(view);
  }
}

async function refresh(view) {
  try {
    take(await messenger.chatEntry(view.id));
  } catch {
    // The view says how long it has been waiting, and the frame says what is wrong.
  }
}

function tick() {
  for (const view of views.values()) {
    if (view.waits) view.tick(limits.chat_timeout_ms);
  }
}

function showLength() {
  const length = byteLength(box.value.trim());
  const over = length > limits.text_max_bytes;
  const near = length > 0.8 * limits.text_max_bytes;
  byId('hint').classList.toggle('over', over);
  setText(byId('hint'), near ? `${number(length)} of ${number(limits.text_max_bytes)} bytes` : HINT);
  byId('send').disabled = over || length === 0;
}

function isAtEnd() {
  const log = byId('log');
  return log.scrollHeight - log.scrollTop - log.clientHeight < 80;
}

function keepEndInView(wanted) {
  if (wanted) requestAnimationFrame(() => scrollToEnd(byId('log')));
}

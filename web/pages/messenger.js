// The one way in which the pages reach a device.
//
// `Messenger` says what they may ask. `ServerMessenger` is the present answer: the device lives
// in the web server, which therefore sees plaintext. A device in the browser can take its place
// without a change to any page.

/** @typedef {{id: string, prompt: string, state: 'sealed'|'sent'|'delivered'|'answered',
 *   times: {sealed: string, sent?: string, delivered?: string, answered?: string},
 *   reply?: string, model?: string, refused?: boolean, took_ms?: number,
 *   tools?: {name: string, arguments: string}[],
 *   usage?: {input_tokens: number, output_tokens: number, cost_usd: number}}} ChatEntry */

/** What went wrong, in words that a page may show. */
export class MessengerError extends Error {
  constructor(status, detail, id) {
    super(detail);
    this.status = status;
    this.id = id;
  }
}

/**
 * What a page may ask of a device. Also an event target: `host`, `chat`, `direct`, `link` and
 * `usage` carry what changed; `fresh` says to read everything again; `connection` says that
 * `connection` changed.
 * @interface
 */
export class Messenger extends EventTarget {
  /** @returns {'connecting'|'live'|'reconnecting'|'paused'} */
  get connection() { return absent(); }
  /** Starts to deliver events. */
  start() { absent(); }
  /** Who is here: names, limits, the demo's subjects. */
  about() { return absent(); }
  /** Seals a prompt and queues it. @returns {Promise<{id: string}>} */
  ask(_prompt) { return absent(); }
  /** @returns {Promise<ChatEntry>} */
  chatEntry(_id) { return absent(); }
  /** @returns {Promise<ChatEntry[]>} oldest first */
  chatHistory() { return absent(); }
  /** Seals a direct message and queues it. @returns {Promise<{id: string}>} */
  send(_from, _to, _text) { return absent(); }
  /** @returns {Promise<{messages: object[], cursor: number}>} */
  pull(_reader, _after) { return absent(); }
  /** @returns {Promise<{hosts: object[], usage: object}>} */
  status() { return absent(); }
  /** @returns {Promise<object[]>} */
  history(_host, _range) { return absent(); }
  link() { return absent(); }
  resetUsage() { return absent(); }
  /** Calls back with every envelope that the relay sees. @returns {() => void} to stop */
  watchWire(_onEnvelope, _onState) { return absent(); }
}

export class ServerMessenger extends Messenger {
  #events = null;

  get connection() {
    return this.#events?.state ?? 'connecting';
  }

  start() {
    if (this.#events) return;
    this.#events = new Stream('/api/events', {
      hello: () => this.#emit('fresh'),
      missed: () => this.#emit('fresh'),
      host: (data) => this.#emit('host', data),
      chat: (data) => this.#emit('chat', data),
      direct: (data) => this.#emit('direct', data),
      link: (data) => this.#emit('link', data),
      usage: (data) => this.#emit('usage', data),
    }, () => this.#emit('connection'));
    this.#events.open();
  }

  about() {
    return get('/api/about');
  }

  ask(prompt) {
    return post('/api/chat', { prompt }, { Prefer: 'respond-async' });
  }

  chatEntry(id) {
    return get(`/api/chat/${encodeURIComponent(id)}`);
  }

  async chatHistory() {
    return (await get('/api/chat/history')).entries;
  }

  send(from, to, text) {
    return post('/api/e2ee/send', { from, to, text });
  }

  pull(reader, after) {
    return get(`/api/e2ee/pull?${new URLSearchParams({ as: reader, after })}`);
  }

  status() {
    return get('/api/status/current');
  }

  async history(host, range) {
    return (await get(`/api/status/history?${new URLSearchParams({ host, range })}`)).points;
  }

  link() {
    return get('/api/status/link');
  }

  resetUsage() {
    return post('/api/status/usage/reset', {});
  }

  watchWire(onEnvelope, onState) {
    const stream = new Stream('/api/demo/wire', { envelope: onEnvelope }, onState);
    stream.open();
    return () => stream.close();
  }

  #emit(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }
}

/**
 * A stream of events that comes back by itself.
 *
 * It is closed while its page is hidden: a browser opens six connections to a host at most, and
 * a few forgotten tabs would take them all.
 */
class Stream {
  #url;
  #handlers;
  #onState;
  #source = null;
  #timer = 0;
  #failures = 0;
  state = 'connecting';

  constructor(url, handlers, onState) {
    this.#url = url;
    this.#handlers = handlers;
    this.#onState = onState;
  }

  open() {
    document.addEventListener('visibilitychange', this.#onVisibility);
    if (document.hidden) this.#setState('paused');
    else this.#connect();
  }

  close() {
    document.removeEventListener('visibilitychange', this.#onVisibility);
    this.#drop();
  }

  #onVisibility = () => {
    if (document.hidden) {
      this.#drop();
      this.#setState('paused');
    } else if (!this.#source) {
      this.#connect();
    }
  };

  #connect() {
    clearTimeout(this.#timer);
    const source = new EventSource(this.#url);
    this.#source = source;
    source.addEventListener('hello', () => {
      this.#failures = 0;
      this.#setState('live');
    });
    for (const [name, handle] of Object.entries(this.#handlers)) {
      source.addEventListener(name, (event) => handle(JSON.parse(event.data)));
    }
    source.onerror = () => {
      this.#setState('reconnecting');
      // After a broken connection the browser tries again by itself; after an error answer not.
      if (source.readyState === EventSource.CLOSED) this.#retry();
    };
  }

  #retry() {
    this.#drop();
    this.#failures += 1;
    const most = Math.min(30_000, 1000 * 2 ** this.#failures);
    this.#timer = setTimeout(() => this.#connect(), most * (0.5 + Math.random() / 2));
  }

  #drop() {
    clearTimeout(this.#timer);
    this.#source?.close();
    this.#source = null;
  }

  #setState(state) {
    if (this.state === state) return;
    this.state = state;
    this.#onState?.(state);
  }
}

const REQUEST_TIME_MS = 20_000;

function get(path) {
  return request(path, { method: 'GET' });
}

function post(path, body, headers = {}) {
  return request(path, {
    method: 'POST',
    body: JSON.stringify(body),
    headers: { 'Content-Type': 'application/json', ...headers },
  });
}

async function request(path, options) {
  let response;
  let body;
  try {
    response = await fetch(path, { ...options, signal: AbortSignal.timeout(REQUEST_TIME_MS) });
    body = await response.json();
  } catch (error) {
    const late = error.name === 'TimeoutError';
    const detail = late ? 'the web server did not answer in time' : 'the web server cannot be reached';
    throw new MessengerError(response?.status ?? 0, detail);
  }
  if (!response.ok) {
    throw new MessengerError(response.status, body.detail ?? body.title ?? 'the request failed', body.id);
  }
  return body;
}

function absent() {
  throw new Error('this messenger does not implement it');
}

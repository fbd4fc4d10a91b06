// One prompt, how far it came, and its answer.

import { el, setText } from './dom.js';
import { clock, duration, moment, number, plural, took, usd } from './format.js';
import { render } from './markdown.js';

const STEPS = ['sealed', 'sent', 'delivered', 'answered'];
const MEANING = {
  sealed: 'Encrypted and stored on this server',
  sent: 'Stored by the bus',
  delivered: 'The agent has it: its sealed receipt came back',
  answered: 'The answer was opened here',
};

export class ChatView {
  id = null;
  #retry;
  #began = Date.now();
  #touched = Date.now();
  #state = null;
  #over = false;
  #late = false;
  #steps = el('ul', { class: 'progress', 'aria-label': 'Delivery' });
  #answer = el('div');
  #waiting = el('span', {}, 'Sealing …');

  constructor(prompt, retry) {
    this.#retry = retry;
    this.node = el('article', { class: 'entry' },
      el('div', { class: 'asked' }, el('div', { class: 'prompt' }, prompt), this.#steps), this.#answer);
    this.#answer.append(el('div', { class: 'working' },
      el('span', { class: 'dots', 'aria-hidden': 'true' }, el('span'), el('span'), el('span')), this.#waiting));
  }

  /** Whether an answer is still to come. */
  get waits() {
    return !this.#over;
  }

  /** Milliseconds since anything was heard. */
  silentFor() {
    return Date.now() - this.#touched;
  }

  accepted() {
    this.#showSteps('sealed', {});
  }

  show(entry) {
    this.#touched = Date.now();
    this.#began = Date.parse(entry.times.sealed);
    if (this.#over) return;
    this.#showSteps(entry.state, entry.times);
    if (entry.reply !== undefined) {
      this.#over = true;
      this.#answer.replaceChildren(answerOf(entry));
    }
  }

  fail(error) {
    this.#over = true;
    this.#answer.replaceChildren(el('div', { class: 'notice failed', role: 'alert' },
      el('span', {}, `${error.status === 0 ? 'Not confirmed' : 'Not sent'}: ${error.message}.`),
      el('button', { type: 'button', class: 'button', onclick: this.#retry }, 'Try again')));
  }

  tick(patience) {
    const waited = Math.max(0, Date.now() - this.#began);
    const what = {
      sealed: 'Sealed and waiting for the bus',
      sent: 'On its way to the agent',
      delivered: 'The agent is at work',
    }[this.#state] ?? 'Sealing';
    setText(this.#waiting, `${what} · ${duration(waited / 1000)}`);
    if (waited > patience && !this.#late) {
      this.#late = true;
      this.#answer.append(el('div', { class: 'notice failed', role: 'status' },
        el('span', {}, 'This takes longer than usual. The prompt is kept, and the answer appears here once it comes.'),
        el('button', { type: 'button', class: 'button', onclick: this.#retry }, 'Ask again')));
    }
  }

  #showSteps(state, times) {
    const reached = STEPS.indexOf(state);
    if (reached < STEPS.indexOf(this.#state)) return;
    this.#state = state;
    const shown = state === 'answered' ? ['delivered', 'answered'] : STEPS;
    this.#steps.replaceChildren(
      ...(times.sealed ? [el('li', {}, moment(times.sealed))] : []),
      ...shown.map((step) => {
        const done = STEPS.indexOf(step) <= reached;
        const when = times[step] ? ` at ${clock(times[step], true)}` : '';
        return el('li', { class: done ? 'done' : 'todo', title: `${MEANING[step]}${when}` }, step,
          el('span', { class: 'visually-hidden' }, done ? ': done' : ': not yet'));
      }));
  }
}

function answerOf(entry) {
  return el('div', { class: entry.refused ? 'card answer refused' : 'card answer' },
    el('div', { class: 'answer-text' }, ...render(entry.reply)),
    el('div', { class: 'meta' }, metaOf(entry).map((text) => el('span', {}, text))),
    ...toolsOf(entry.tools ?? []));
}

function metaOf(entry) {
  const { input_tokens: read, output_tokens: written, cost_usd: cost } = entry.usage;
  const tokens = read + written > 0 ? [`${number(read)} in, ${number(written)} out`, usd(cost)] : ['no model tokens'];
  return [...(entry.refused ? ['refused'] : []), entry.model, ...tokens, took(entry.took_ms)];
}

function toolsOf(tools) {
  if (tools.length === 0) return [];
  return [el('details', { class: 'tools' },
    el('summary', {}, `Used ${plural(tools.length, 'tool')}`),
    el('ol', {}, tools.map((tool) =>
      el('li', {}, el('code', {}, tool.name), ' ', el('code', { class: 'muted' }, tool.arguments)))))];
}

// The chat.

import { Frame } from './frame.js';

export class Chat extends Frame {
  constructor(page) {
    super(page);
    this.log = page.getByRole('log', { name: 'Conversation' });
    this.turns = this.log.getByRole('article');
    this.answers = this.log.locator('.answer .text');
    this.prompt = page.getByRole('textbox', { name: 'Prompt' });
    this.send = page.getByRole('button', { name: 'Send', exact: true });
    this.welcome = page.getByRole('heading', { name: 'What would you like to know?' });
  }

  async ask(prompt) {
    await this.prompt.fill(prompt);
    await this.send.click();
    return this.turn(prompt);
  }

  /** Prompt and answer of each turn, as texts. */
  said() {
    return this.turns.evaluateAll((turns) => turns.map((turn) => ['.prompt', '.text'].map((part) => turn.querySelector(part)?.textContent ?? '')));
  }

  turn(prompt) {
    return new Turn(this.turns.filter({ has: this.page.getByText(prompt, { exact: true }) }));
  }
}

/** One prompt and its answer. */
class Turn {
  constructor(article) {
    this.article = article;
    this.answer = article.locator('.answer .text');
    this.draft = article.locator('[aria-live="off"]');
    this.working = article.getByText('The agent is answering', { exact: false });
    this.stop = article.getByRole('button', { name: 'Stop', exact: true });
    this.stopped = article.getByText('stopped before it was whole');
    /** Stands beside a whole answer only. */
    this.copy = article.getByRole('button', { name: /^(Copy|Copied) answer$/ });
    this.tools = article.getByText(/^Looked at/);
    this.citations = article.getByRole('link', { name: /\d\d:\d\d/ });
    this.received = article.getByText('delivered: done', { exact: false });
  }
}

// What no page may do, whatever it is given to show.

import assert from 'node:assert/strict';

export class Conduct {
  #origin;
  #faults = [];
  #forgiven = () => false;

  constructor(origin) {
    this.#origin = origin;
  }

  /** Before any page is opened. Foreign script that runs calls `h()`. */
  async watch(context) {
    await context.exposeFunction('h', () => this.#note('foreign script ran'));
    await context.exposeFunction('policyFault', (fault) => this.#note(`against the policy: ${fault}`));
    await context.addInitScript(() => document.addEventListener('securitypolicyviolation', (event) => {
      window.policyFault(`${event.violatedDirective}, ${event.blockedURI}, ${event.sourceFile}:${event.lineNumber}`);
    }));
    context.on('page', (page) => this.#watchPage(page));
    context.on('request', (request) => {
      const { protocol, origin } = new URL(request.url());
      if (protocol !== 'data:' && origin !== this.#origin) this.#note(`a request to ${request.url()}`);
    });
  }

  /** From now on lets pass what `matches`, such as complaints about a server that is away. */
  forgive(matches) {
    this.#forgiven = matches;
  }

  check() {
    assert.deepEqual(this.#faults, [], 'a page did what it must not');
  }

  #watchPage(page) {
    page.on('dialog', async (dialog) => {
      this.#note(`a dialog: ${dialog.message()}`);
      await dialog.dismiss();
    });
    page.on('pageerror', (error) => this.#note(`an error that nobody caught: ${error.stack ?? error}`));
    page.on('console', (message) => {
      if (['error', 'warning'].includes(message.type())) this.#note(`in the console: ${message.text()} (${message.location().url})`);
    });
  }

  #note(fault) {
    if (!this.#forgiven(fault)) this.#faults.push(fault);
  }
}

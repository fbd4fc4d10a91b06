// The browser, and people in front of it.

import { createRequire } from 'node:module';
import { chromium } from 'playwright-core';

import { Conduct } from './conduct.js';
import { PATIENCE_MS } from './until.js';

const AXE = createRequire(import.meta.url).resolve('axe-core/axe.min.js');

export const WIDE = { width: 1440, height: 900 };
export const PHONE = { width: 390, height: 844 };

export class Browser {
  #browser;
  #url;
  people = [];

  constructor(browser, url) {
    this.#browser = browser;
    this.#url = url;
  }

  static async launch(executablePath, url) {
    return new Browser(await chromium.launch({ executablePath }), url);
  }

  /** Somebody with a profile of their own. `axe` puts its script into each page, where no policy stops it. */
  async person({ axe = false, ...options } = {}) {
    const context = await this.#browser.newContext({ baseURL: this.#url, viewport: WIDE, locale: 'en-GB', timezoneId: 'UTC', ...options });
    context.setDefaultTimeout(PATIENCE_MS);
    if (axe) await context.addInitScript({ path: AXE });
    const person = new Person(context, this.#url);
    await person.conduct.watch(context);
    this.people.push(person);
    return person;
  }

  async close() {
    await this.#browser.close();
  }
}

export class Person {
  context;
  conduct;

  constructor(context, url) {
    this.context = context;
    this.conduct = new Conduct(new URL(url).origin);
  }

  /** A tab with one of the server's pages. */
  async open(path) {
    const page = await this.context.newPage();
    await page.goto(path);
    return page;
  }
}

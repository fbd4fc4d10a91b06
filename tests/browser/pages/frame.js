// What stands around every page.

import { until } from '../until.js';

export class Frame {
  page;

  constructor(page) {
    this.page = page;
    this.banner = page.getByRole('banner');
    this.connection = this.banner.getByRole('status');
    this.theme = this.banner.getByRole('button', { name: /^Theme:/ });
  }

  link(name) {
    return this.page.getByRole('navigation', { name: 'Pages' }).getByRole('link', { name, exact: true });
  }

  /** Waits until the connection is said to be so. */
  async isConnected(word) {
    await until(`${this.page.url()} says ${word}`, async () => word.test(await this.connection.textContent()));
  }

  async isLive() {
    await this.isConnected(/^Live$/);
  }
}

// The demo: two people, and what is seen between them.

import { Frame } from './frame.js';

export class Demo extends Frame {
  constructor(page) {
    super(page);
    this.alice = new Side(page, 'alice');
    this.bob = new Side(page, 'bob');
    this.wire = page.getByRole('region', { name: 'What the relay sees' });
    this.envelopes = page.getByRole('list', { name: 'Envelopes, newest first' });
    this.hex = this.envelopes.getByLabel('Hexadecimal dump');
    this.alert = page.getByRole('alert');
  }

  /** Envelopes by the person they are for. */
  to(name) {
    return this.envelopes.getByRole('listitem').filter({ hasText: new RegExp(`\\.${name}\\.1`) });
  }
}

class Side {
  constructor(page, name) {
    this.region = page.getByRole('region', { name, exact: true });
    this.log = this.region.getByRole('log');
    this.text = this.region.getByRole('textbox', { name: `Message of ${name}` });
    this.send = this.region.getByRole('button', { name: `Send as ${name}` });
  }

  async write(text) {
    await this.text.fill(text);
    await this.send.click();
  }

  /** A message as it is shown here. */
  message(text) {
    return this.log.getByRole('paragraph').filter({ hasText: text });
  }

  /** The texts of all messages, in their order. */
  texts() {
    return this.log.getByRole('paragraph').allTextContents();
  }
}

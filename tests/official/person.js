// Alice or bob: a device of ours, through the dashboard's API.
import { setTimeout as pause } from "node:timers/promises";

const PATIENCE_MS = 120_000;

export class Person {
  #received = [];
  #cursor = 0;

  constructor(web, handle) {
    this.web = web;
    this.handle = handle;
  }

  // Sends a text; its content id.
  async say(to, text) {
    const response = await fetch(`${this.web}/api/e2ee/send`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ from: this.handle, to, text }),
      signal: AbortSignal.timeout(60_000),
    });
    if (response.status !== 202) {
      throw new Error(`${this.handle} cannot send: ${response.status} ${await response.text()}`);
    }
    return (await response.json()).id;
  }

  // All texts of somebody so far, as { id, text }, once there are so many.
  async receivedFrom(sender, atLeast) {
    const deadline = Date.now() + PATIENCE_MS;
    for (;;) {
      const page = await this.#pull();
      this.#received.push(...page);
      const theirs = this.#received.filter(({ from }) => from === sender);
      if (page.length === 0 && theirs.length >= atLeast) {
        return theirs;
      }
      if (Date.now() > deadline) {
        throw new Error(`${this.handle} has ${theirs.length} texts of ${atLeast}`);
      }
      if (page.length === 0) {
        await pause(20);
      }
    }
  }

  async #pull() {
    const query = `as=${this.handle}&after=${this.#cursor}`;
    const response = await fetch(`${this.web}/api/e2ee/pull?${query}`, {
      signal: AbortSignal.timeout(60_000),
    });
    const { messages, cursor } = await response.json();
    this.#cursor = cursor;
    return messages;
  }
}

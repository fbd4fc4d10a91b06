// The server is killed while people look and write, and comes back.

import assert from 'node:assert/strict';

import { wish } from '../keeper.js';
import { Chat } from '../pages/chat.js';
import { Dashboard } from '../pages/dashboard.js';
import { Demo } from '../pages/demo.js';
import { until } from '../until.js';

/** Browsers complain when nobody answers, and that is right. */
const AWAY = /net::ERR_|Failed to load resource/;

export default async function run(browser, { host }) {
  const person = await browser.person();
  const dashboard = new Dashboard(await person.open('/'));
  const chat = new Chat(await person.open('/chat'));
  const demo = new Demo(await person.open('/demo'));
  const pages = [dashboard, chat, demo];
  for (const one of pages) {
    await one.isLive();
    await one.page.evaluate(() => { globalThis.neverReloaded = true; });
  }
  await dashboard.title(host).waitFor();

  // Accepted, and not more than that.
  const turn = await chat.ask('What is the load?');
  await turn.article.getByText('sealed: done', { exact: false }).waitFor({ state: 'attached' });
  await demo.alice.write('just before');
  await demo.alice.message('just before').waitFor();
  person.conduct.forgive((fault) => AWAY.test(fault));
  await wish('kill the server');
  for (const one of pages) await one.isConnected(/Server away|Reconnecting/);

  await demo.bob.write('while it was away');
  await demo.alert.filter({ hasText: /cannot be reached/ }).waitFor();
  assert.equal(await demo.bob.text.inputValue(), 'while it was away');

  await wish('start the server');
  for (const one of pages) {
    await one.isLive();
    assert(await one.page.evaluate(() => globalThis.neverReloaded), 'the page was loaded anew');
  }
  const numbers = await dashboard.now.innerText();
  await until('other numbers', async () => await dashboard.now.innerText() !== numbers);

  await until('bob may send', () => demo.bob.send.isEnabled());
  await demo.bob.send.click();
  for (const side of [demo.alice, demo.bob]) {
    await until('each message once', async () => {
      assert.deepEqual(await side.texts(), ['just before', 'while it was away']);
      return true;
    });
  }
  await turn.copy.waitFor();
  assert.equal(await chat.turns.count(), 1);
}

// Two people at two browsers.

import assert from 'node:assert/strict';

import { Chat } from '../pages/chat.js';
import { Demo } from '../pages/demo.js';
import { until } from '../until.js';

export default async function run(browser) {
  const people = [await browser.person(), await browser.person({ colorScheme: 'dark' })];
  const chats = await Promise.all(people.map(async (person) => new Chat(await person.open('/chat'))));
  const demos = await Promise.all(people.map(async (person) => new Demo(await person.open('/demo'))));
  for (const page of [...chats, ...demos]) await page.isLive();

  await Promise.all(chats.map((chat, index) => chat.ask(`What is the load? I am number ${index}.`)));
  await same(chats, async (chat) => {
    await until('two answers', async () => (await chat.turns.getByRole('button', { name: 'Copy answer' }).count()) === 2);
    return (await chat.said()).sort();
  });

  const said = [];
  for (const [index, demo] of demos.entries()) {
    for (const side of ['alice', 'bob']) {
      const text = `${side} at browser ${index}`;
      await demo[side].write(text);
      for (const other of demos) await other[side === 'alice' ? 'bob' : 'alice'].message(text).waitFor();
      said.push(text);
    }
  }
  for (const side of ['alice', 'bob']) {
    const texts = await same(demos, async (demo) => {
      await until('all messages', async () => (await demo[side].texts()).length === said.length);
      return demo[side].texts();
    });
    assert.deepEqual([...texts].sort(), [...said].sort());
  }
  // Each sees the other's envelopes too: a text and its receipt make two.
  for (const demo of demos) {
    await until('every envelope', async () => (await demo.envelopes.getByRole('listitem').count()) >= 2 * said.length);
  }
}

async function same(pages, look) {
  const [one, other] = [await look(pages[0]), await look(pages[1])];
  assert.deepEqual(other, one);
  return one;
}

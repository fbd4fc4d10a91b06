// A question, an answer that comes bit by bit, what stands below it, and what is left after a reload.

import assert from 'node:assert/strict';

import { Chat } from '../pages/chat.js';
import { Dashboard } from '../pages/dashboard.js';
import { until } from '../until.js';

export default async function run(browser, { url, host }) {
  const person = await browser.person();
  await person.context.grantPermissions(['clipboard-read', 'clipboard-write'], { origin: new URL(url).origin });
  const page = await person.open('/chat');
  const chat = new Chat(page);
  await chat.isLive();
  await chat.welcome.waitFor();

  const turn = await chat.ask('How busy is this host?');
  await streams(turn, 'the end of the answer');
  await turn.copy.waitFor();
  await turn.received.waitFor({ state: 'attached' });
  await turn.article.getByText('the end of the answer', { exact: false }).waitFor();
  assert.equal(await turn.draft.count(), 0);

  await turn.tools.click();
  await turn.article.getByText(`{ "host": "${host}" }`).waitFor();

  await turn.copy.click();
  await page.getByRole('button', { name: 'Copied answer' }).waitFor();
  const copied = await page.evaluate(() => navigator.clipboard.readText());
  assert(copied.startsWith(`**${host}** is busy`), copied);

  const cut = await chat.ask('Tell me everything, slowly.');
  await until('a beginning', async () => (await cut.draft.textContent()).length > 10);
  await cut.stop.click();
  await cut.stopped.waitFor();
  assert(!(await cut.article.innerText()).includes('the very end'));

  const before = await chat.turns.allInnerTexts();
  await page.reload();
  await until('both turns are there again', async () => (await chat.turns.count()) === before.length);
  await turn.copy.waitFor();
  await cut.stopped.waitFor();
  await follow(page, turn, host);
}

/** A part of the answer is there before all of it. */
async function streams(turn, end) {
  await turn.working.waitFor();
  const first = await until('a first part', async () => {
    const text = await turn.draft.textContent();
    return text.trim() !== '' && text;
  });
  assert(!first.includes(end), first);
  await until('all of it', async () => {
    const all = await turn.answer.textContent();
    return all.includes(end) && all.length > first.length;
  });
}

/** A moment in an answer opens the charts of that time. */
async function follow(page, turn, host) {
  await turn.citations.first().click();
  const dashboard = new Dashboard(page);
  await dashboard.title(host).waitFor();
  await dashboard.chart('CPU').waitFor();
  const query = new URL(page.url()).searchParams;
  assert.equal(query.get('host'), host);
  const [from, to, at] = ['from', 'to', 'at'].map((name) => Date.parse(query.get(name)));
  assert(from < at && at <= to, page.url());
}

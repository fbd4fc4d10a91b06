// Everything that others may write, full of markup: it is text, and nothing else.
//
// Whatever of it ran would call `h()`, open a dialog or reach elsewhere, which no page may do.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';

import { Chat } from '../pages/chat.js';
import { Dashboard } from '../pages/dashboard.js';
import { Demo } from '../pages/demo.js';
import { until } from '../until.js';

const MARKUP = '<img src=x onerror="h()"><script>h()</script><svg onload=h()>';
/** What the model says, as it says it. */
const NASTY = JSON.parse(await readFile(new URL('../../aimock/fixtures/browser.json', import.meta.url), 'utf8'))
  .fixtures.find(({ match }) => match.userMessage === 'Show me something nasty').response.content;
/** What a text cannot be made of; a page's own icons are drawings without handlers. */
const FOREIGN = 'img[src="x"], [onerror], [onload], [onclick], [style*="fixed"], script:not([src]), iframe, object, embed, form[action], a[href^="javascript:"], meta[http-equiv]';

export default async function run(browser, { host, past, process }) {
  const person = await browser.person();
  await aProcess(new Dashboard(await person.open(`/?host=${host}`)), process);
  await aHost(new Dashboard(await person.open(`/?host=${past.host}`)), past.hostile);
  await anAddress(person);
  await anAnswer(new Chat(await person.open('/chat')));
  await aRawAnswer(person);
  await aMessage(new Demo(await person.open('/demo')));
}

async function aProcess({ page, processes }, name) {
  await processes.search.fill(name);
  await until(`the process ${name}`, async () => {
    const [row] = await processes.rows();
    return row[0] === name;
  });
  await isHarmless(page);
}

async function aHost({ page, disks, networks, chart }, { mount, network, system }) {
  await until('the mount point', async () => (await disks.rows()).some(([name]) => name === mount));
  await until('the interface', async () => (await networks.rows()).some(([name]) => name === network));
  await page.getByText(system, { exact: false }).waitFor();
  await isHarmless(page);
}

async function anAddress(person) {
  const query = encodeURIComponent(MARKUP);
  const page = await person.open(`/?host=${query}`);
  await page.getByRole('heading', { name: `No host is called ${MARKUP}` }).waitFor();
  await isHarmless(page);
  const chat = new Chat(await person.open(`/chat?host=${query}&range=${query}`));
  await chat.prompt.waitFor();
  await isHarmless(chat.page);
}

/** As the agent passes it on, which takes the edge off what a model says. */
async function anAnswer(chat) {
  const { answer, copy } = await chat.ask(`Show me something nasty: ${MARKUP}`);
  await copy.waitFor();
  await isText(answer, ['javascript:h()', 'elsewhere.example', '<script>h()</script>']);
  await chat.page.getByText(MARKUP, { exact: false }).first().waitFor();
  await isHarmless(chat.page);
}

/** As an agent would that does not: the page's own guard, alone. */
async function aRawAnswer(person) {
  await person.context.route('**/api/chat/history', async (route) => {
    const response = await route.fetch();
    const { entries } = await response.json();
    await route.fulfill({ response, json: { entries: entries.map((entry) => ({ ...entry, reply: NASTY })) } });
  });
  const chat = new Chat(await person.open('/chat'));
  await chat.answers.first().waitFor();
  await isText(chat.answers.first(), [
    '<script>h()</script>', '<img src=x onerror=h()>', '<svg onload=h()>', '<iframe srcdoc=', '<style>*{display:none}</style>',
    'javascript:h()', 'http://127.0.0.1:9/pixel.png', 'http://elsewhere.example/', '<math><mtext>',
  ]);
  await isHarmless(chat.page);
}

async function isText(answer, parts) {
  const text = await answer.textContent();
  for (const shown of parts) assert(text.includes(shown), `${shown} is not shown in ${text}`);
  assert.equal(await answer.getByRole('link').count(), 0, 'an answer has links');
  assert.equal(await answer.locator('img, svg, input, [id], [href], [src]').count(), 0);
}

async function aMessage(demo) {
  await demo.alice.write(MARKUP);
  await demo.bob.message(MARKUP).waitFor();
  assert.deepEqual(await demo.bob.texts(), [MARKUP]);
  await isHarmless(demo.page);
}

/** Looks at it, and closes it: each page holds a connection, and a browser opens six to a server. */
async function isHarmless(page) {
  assert.equal(await page.locator(FOREIGN).count(), 0, `${page.url()} has foreign elements`);
  // What had been set off would have asked the server or been drawn before this.
  await page.evaluate(() => fetch('/favicon.svg').then(() => new Promise(requestAnimationFrame)));
  await page.close();
}

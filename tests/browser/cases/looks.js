// Every page in light and dark, wide and on a phone: its picture, its accessibility, its width.

import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';

import { checkAxe, checkWidth } from '../accessibility.js';
import { PHONE, WIDE } from '../chromium.js';
import { Chat } from '../pages/chat.js';
import { Dashboard } from '../pages/dashboard.js';
import { Demo } from '../pages/demo.js';
import { until } from '../until.js';

const SIZES = { wide: WIDE, phone: PHONE };
/** A narrow phone's, and a large screen's. */
const WIDTHS = [360, 3840];

export default async function run(browser, { screenshots, host, past }) {
  await mkdir(screenshots, { recursive: true });
  const person = await browser.person({ axe: true, reducedMotion: 'reduce' });
  const views = { hosts, host: oneHost, past: thePast, unknown, welcome, chat, demo };
  for (const [name, show] of Object.entries(views)) {
    const page = await show(person, { host, past });
    for (const colorScheme of ['light', 'dark']) {
      await page.emulateMedia({ colorScheme });
      for (const [size, viewport] of Object.entries(SIZES)) {
        await page.setViewportSize(viewport);
        await page.screenshot({ path: join(screenshots, `${name}-${colorScheme}-${size}.png`), fullPage: true });
        await checkAxe(page, `${name}, ${colorScheme}, ${size}`);
      }
    }
    for (const width of WIDTHS) await checkWidth(page, width);
    await page.close();
  }
}

async function hosts(person, { host }) {
  const dashboard = new Dashboard(await person.open('/'));
  await dashboard.isLive();
  await dashboard.card(host).waitFor();
  return dashboard.page;
}

async function oneHost(person, { host }) {
  const dashboard = new Dashboard(await person.open(`/?host=${host}`));
  await dashboard.isLive();
  await dashboard.chart('CPU').waitFor();
  return dashboard.page;
}

async function thePast(person, { past }) {
  const dashboard = new Dashboard(await person.open(`/?host=${past.host}&range=24h`));
  await dashboard.isLive();
  await dashboard.chart('CPU').waitFor();
  return dashboard.page;
}

async function unknown(person) {
  const page = await person.open('/?host=nobody');
  await page.getByRole('heading', { name: 'No host is called nobody' }).waitFor();
  return page;
}

async function welcome(person) {
  const chat = new Chat(await person.open('/chat'));
  await chat.isLive();
  await chat.welcome.waitFor();
  return chat.page;
}

async function chat(person) {
  const page = new Chat(await person.open('/chat'));
  await page.isLive();
  for (const prompt of ['What is the load, and is anything unusual?', 'Which file system is the fullest?']) {
    const turn = await page.ask(prompt);
    await turn.copy.waitFor();
    await turn.received.waitFor({ state: 'attached' });
  }
  return page.page;
}

async function demo(person) {
  const page = new Demo(await person.open('/demo'));
  await page.isLive();
  await page.alice.write('Is this line private?');
  await page.bob.message('Is this line private?').waitFor();
  await page.bob.write('The relay moves it and cannot read it.');
  await page.alice.message('The relay moves it').waitFor();
  await until('envelopes', async () => (await page.to('bob').count()) >= 2);
  await page.to('bob').last().getByText('sealed.', { exact: false }).first().click();
  await page.hex.waitFor();
  return page.page;
}

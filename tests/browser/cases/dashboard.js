// From all hosts into one host's past, and through its processes.

import assert from 'node:assert/strict';

import { Dashboard } from '../pages/dashboard.js';
import { until } from '../until.js';

export default async function run(browser, { host, other }) {
  const person = await browser.person();
  const page = await person.open('/');
  const dashboard = new Dashboard(page);
  await dashboard.isLive();
  await dashboard.card(other).getByText('Stale', { exact: true }).waitFor();
  await dashboard.card(host).getByText('Live', { exact: true }).waitFor();

  await dashboard.card(host).getByRole('link').click();
  await dashboard.title(host).waitFor();
  await dashboard.state('Live').waitFor();
  await dashboard.range('1h').and(page.locator('[aria-current]')).waitFor();
  await numbersMove(dashboard);

  await dashboard.range('12h').click();
  await until('the address says the range', () => page.url().includes('range=12h'));
  await zoom(page, dashboard);
  for (let steps = 0; steps < 2; steps += 1) await page.goBack();
  await until('the range is back', () => page.url().includes('range=12h'));
  await dashboard.hint.waitFor();

  await sortProcesses(dashboard);
  await searchProcesses(page, dashboard);
  await rememberTheme(page, dashboard);
  await dashboard.ask.click();
  await until('the chat has the host', () => page.getByText(`About ${host}`, { exact: false }).isVisible());
}

/** What is shown changes without anybody's doing. */
async function numbersMove(dashboard) {
  const before = await dashboard.now.innerText();
  await until('other numbers', async () => await dashboard.now.innerText() !== before);
}

/** A part of a chart, with the mouse: from a quarter to three quarters, so half of the time. */
async function zoom(page, dashboard) {
  const plotted = dashboard.plotted('CPU');
  await plotted.scrollIntoViewIfNeeded();
  const { x, y, width, height } = await plotted.boundingBox();
  await page.mouse.move(x + width / 4, y + height / 2);
  await page.mouse.down();
  await page.mouse.move(x + width / 2, y + height / 2, { steps: 4 });
  await page.mouse.move(x + (3 * width) / 4, y + height / 2, { steps: 4 });
  await page.mouse.up();
  await dashboard.wider.waitFor();
  const hours = () => {
    const query = new URL(page.url()).searchParams;
    return (Date.parse(query.get('to')) - Date.parse(query.get('from'))) / 3_600_000;
  };
  assert(Math.abs(hours() - 6) < 0.5, `half of 12 hours is ${hours()}`);
  await dashboard.wider.click();
  await until('a wider span', () => Math.abs(hours() - 18) < 1.5);
}

async function sortProcesses({ processes }) {
  await until('processes', async () => (await processes.rows()).length > 3);
  for (const [order, sign] of [['descending', -1], ['ascending', 1]]) {
    await processes.head('PID').getByRole('button').click();
    await processes.head('PID').and(processes.table.locator(`[aria-sort="${order}"]`)).waitFor();
    const pids = (await processes.rows()).map(([, pid]) => Number(pid));
    assert(pids.every(Number.isInteger), `${pids}`);
    assert.deepEqual(pids, [...pids].sort((a, b) => sign * (a - b)));
  }
}

async function searchProcesses(page, { processes }) {
  const [[name]] = await processes.rows();
  await processes.search.fill(name.toUpperCase());
  await until('the named rows alone', async () => {
    const names = (await processes.rows()).map(([found]) => found);
    return names.every((found) => found.toLowerCase().includes(name.toLowerCase()));
  });
  await processes.search.fill('no process is called like this');
  await page.getByText('Nothing here is called that.').waitFor();
  await processes.search.fill('');
  await until('all rows', async () => (await processes.rows()).length > 3);
}

async function rememberTheme(page, { theme }) {
  const isDark = async () => /^Theme: dark/.test(await theme.getAttribute('aria-label'));
  while (!await isDark()) await theme.click();
  await page.reload();
  await theme.waitFor();
  assert(await isDark(), 'the theme was forgotten');
}

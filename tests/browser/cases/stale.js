// A host falls silent while somebody looks.

import { Dashboard } from '../pages/dashboard.js';
import { wish } from '../keeper.js';

export default async function run(browser, { host, other }) {
  const person = await browser.person();
  const [all, one] = [new Dashboard(await person.open('/')), new Dashboard(await person.open(`/?host=${host}`))];
  await all.card(host).getByText('Live', { exact: true }).waitFor();
  await all.card(other).getByText('Stale', { exact: true }).waitFor();
  await one.state('Live').waitFor();
  await wish('stop the probe');
  await all.card(host).getByText('Stale', { exact: true }).waitFor();
  await one.state('Stale').waitFor();
  // What it said last is still there, called so, and the server is not away.
  await one.last.waitFor();
  await one.isLive();
  await wish('start the probe');
  await all.card(host).getByText('Live', { exact: true }).waitFor();
  await one.state('Live').waitFor();
}

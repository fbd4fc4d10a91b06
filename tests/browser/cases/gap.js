// A day in which a host was away for some hours.

import assert from 'node:assert/strict';

import { Dashboard } from '../pages/dashboard.js';
import { partsWithCourse } from '../plot.js';
import { until } from '../until.js';

/** Half hours in a day. */
const PARTS = 48;

export default async function run(browser, { past }) {
  const person = await browser.person();
  const page = await person.open(`/?host=${past.host}&range=24h`);
  const dashboard = new Dashboard(page);
  await dashboard.chart('CPU').waitFor();
  const [from, to] = [Date.now() - 86_400_000, Date.now()];
  const share = (moment) => (moment - from) / (to - from);
  /** Whether a part lies wholly inside the time; the ends are left out, since the window moves on. */
  const within = (part, begin, end) => part - 0.5 > share(begin) * PARTS && part + 1.5 < share(end) * PARTS;
  await until('the day is drawn, and nothing in its gap', async () => {
    const drawn = await partsWithCourse(dashboard.chart('CPU'), PARTS);
    const known = drawn.filter((_, part) => within(part, past.from, past.gap.from) || within(part, past.gap.to, past.to));
    const gap = drawn.filter((_, part) => within(part, past.gap.from, past.gap.to));
    assert(gap.length >= 3 && known.length >= 30, `${gap.length} in the gap, ${known.length} beside it`);
    assert(known.every(Boolean) && !gap.some(Boolean), drawn.map((there) => (there ? 'x' : '.')).join(''));
    return true;
  });

  // The same with the keyboard: from values into the gap, and out of it.
  await dashboard.chart('CPU').focus();
  await page.keyboard.press('Home');
  for (const [what, read] of [['a value', /: [\d.,]+\s?%$/], ['none in the gap', /: –$/], ['a value again', /: [\d.,]+\s?%$/]]) {
    await until(what, async () => {
      await page.keyboard.press('ArrowRight');
      return read.test(await dashboard.spoken.textContent());
    });
  }
}

// Whether a page is for everybody.

import assert from 'node:assert/strict';

import { until } from './until.js';

/** No finding of axe's, in the page as it is now. */
export async function checkAxe(page, what) {
  const found = await page.evaluate(async () => {
    const { violations } = await globalThis.axe.run(document, { resultTypes: ['violations'] });
    return violations.flatMap(({ id, help, nodes }) => nodes.map(({ target, failureSummary }) => `${id}: ${help}: ${target.join(' ')}: ${failureSummary}`));
  });
  assert.deepEqual(found, [], what);
}

/** Nothing is wider than the page. */
export async function checkWidth(page, width) {
  await page.setViewportSize({ width, height: 900 });
  await until(`${page.url()} fits into ${width} pixels`, () => page.evaluate(
    (wanted) => window.innerWidth === wanted && document.documentElement.scrollWidth <= document.documentElement.clientWidth, width));
}

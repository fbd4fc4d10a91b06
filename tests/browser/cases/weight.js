// What a page costs until something is seen: bytes as they come over the line, and requests.

import assert from 'node:assert/strict';

import { Frame } from '../pages/frame.js';
import { say } from '../keeper.js';
import { until } from '../until.js';

/** Page, scripts, styles and icon together, compressed, with their headers. */
const BYTES_MAX = 150_000;
/** Where each page first shows what came from elsewhere. */
const LIVE = { '/': '[aria-label="Now"], [aria-label="Hosts"]', '/chat': '[role="status"][data-mood="good"]', '/demo': '[role="status"][data-mood="good"]' };

export default async function run(browser) {
  for (const [path, live] of Object.entries(LIVE)) {
    const person = await browser.person();
    await person.context.addInitScript(notice, live);
    const page = await person.open(path);
    await new Frame(page).isLive();
    const { painted, lived } = await until('paint and first numbers', () => page.evaluate(() => {
      const painted = performance.getEntriesByName('first-contentful-paint')[0]?.startTime;
      return painted && globalThis.lived && { painted, lived: globalThis.lived };
    }));
    const loads = await page.evaluate(loaded);
    const before = loads.filter(({ began }) => began <= painted);
    const bytes = sum(loads.filter(({ asset }) => asset));
    say(`${path}: ${bytes} bytes in all its files; to the first paint ${sum(before)} bytes in ${before.length} requests; `
      + `first contentful paint after ${painted.toFixed(0)} ms, first live data after ${lived.toFixed(0)} ms`);
    assert(bytes > 10_000, `${path}: only ${bytes} bytes were seen`);
    assert(bytes <= BYTES_MAX, `${path}: ${bytes} bytes, and ${BYTES_MAX} are the most`);
    await page.close();
  }
}

function sum(loads) {
  return loads.reduce((all, { bytes }) => all + bytes, 0);
}

/** In the page, from its beginning on: when the element first is there. */
function notice(selector) {
  const look = () => {
    if (globalThis.lived || !document.querySelector(selector)) return;
    globalThis.lived = performance.now();
  };
  new MutationObserver(look).observe(document, { childList: true, subtree: true, attributes: true });
}

/** In the page: everything that was loaded. */
function loaded() {
  const [page] = performance.getEntriesByType('navigation');
  return [page, ...performance.getEntriesByType('resource')].map(({ name, startTime, transferSize, initiatorType }) => (
    { began: startTime, bytes: transferSize, asset: initiatorType === 'navigation' || !new URL(name).pathname.startsWith('/api/') }));
}

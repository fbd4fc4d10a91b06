// Runs one case: `node main.js <case>`, with what it needs to know in SYSMAINT_CASE.

import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';

import { Browser } from './chromium.js';

/** Longer than any case takes on a busy machine; a case that hangs ends here. */
const LONGEST_MS = 400_000;

const [name] = process.argv.slice(2);
const told = JSON.parse(process.env.SYSMAINT_CASE);
const { default: run } = await import(`./cases/${name}.js`);

const browser = await Browser.launch(told.chromium, told.url);
const late = setTimeout(() => void end(new Error(`not within ${LONGEST_MS / 1000} s`)), LONGEST_MS);
try {
  await run(browser, told);
  browser.people.forEach(({ conduct }) => conduct.check());
  await end(null);
} catch (error) {
  await end(error);
}

async function end(error) {
  clearTimeout(late);
  if (error) {
    process.exitCode = 1;
    console.error(error.stack);
    for (const { conduct } of browser.people) {
      try {
        conduct.check();
      } catch (fault) {
        console.error(fault.message);
      }
    }
    await picture();
  }
  await browser.close();
  process.exit();
}

/** Of each page as it is now. */
async function picture() {
  const directory = join(told.screenshots, 'failed');
  await mkdir(directory, { recursive: true });
  const pages = browser.people.flatMap(({ context }) => context.pages());
  for (const [index, page] of pages.entries()) {
    const path = join(directory, `${name}-${index}.png`);
    await page.screenshot({ path, timeout: 10_000 }).then(() => console.error(`see ${path} (${page.url()})`), () => {});
  }
}

// Two people write to each other, and the middle sees sealed envelopes.

import assert from 'node:assert/strict';

import { Demo } from '../pages/demo.js';
import { until } from '../until.js';

export default async function run(browser) {
  const person = await browser.person();
  const demo = new Demo(await person.open('/demo'));
  await demo.isLive();
  await demo.alice.write('Is this line private?');
  await demo.bob.message('Is this line private?').waitFor();
  await demo.alice.region.getByText('delivered ✓', { exact: false }).first().waitFor();
  await demo.bob.write('Look at the middle.');
  await demo.alice.message('Look at the middle.').waitFor();
  for (const side of [demo.alice, demo.bob]) {
    assert.deepEqual(await side.texts(), ['Is this line private?', 'Look at the middle.']);
  }
  // Both messages, and a receipt for each.
  for (const name of ['alice', 'bob']) await until(`envelopes to ${name}`, async () => (await demo.to(name).count()) >= 2);

  const envelope = demo.to('bob').last();
  await envelope.getByText('sealed.', { exact: false }).first().click();
  await demo.hex.waitFor();
  const dump = await demo.hex.innerText();
  assert(/^0000\s+11 0a 21 05 /.test(dump), dump.slice(0, 80));
  const seen = await demo.envelopes.innerText();
  assert(!/private|middle/.test(seen), 'a text stands in the middle');
  for (const text of ['private', 'middle']) assert(!dump.replace(/\s/g, '').includes(Buffer.from(text).toString('hex')));
}

// Whoever keeps the stack: the test that runs this script. One line of JSON each way.

import { createInterface } from 'node:readline';

const answers = createInterface({ input: process.stdin })[Symbol.asyncIterator]();

/** Has it done, and waits until it is. */
export async function wish(what) {
  tell({ wish: what });
  const { done } = await answers.next();
  if (done) throw new Error(`nobody is there to ${what}`);
}

/** Has a line printed. */
export function say(line) {
  tell({ said: line });
}

function tell(message) {
  process.stdout.write(`${JSON.stringify(message)}\n`);
}

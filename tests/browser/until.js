// Waiting for conditions, never for time.

import { setTimeout as pause } from 'node:timers/promises';

/** Long enough for a busy machine; a passing test rarely needs a tenth of it. */
export const PATIENCE_MS = 90_000;

/** Asks again and again until the answer is true, and returns it. What throws meanwhile is not so yet. */
export async function until(what, ask) {
  const deadline = Date.now() + PATIENCE_MS;
  let last = 'it was never so';
  for (;;) {
    try {
      const answer = await ask();
      if (answer) return answer;
    } catch (error) {
      last = error.message;
    }
    if (Date.now() > deadline) throw new Error(`${what}: not within ${PATIENCE_MS / 1000} s; ${last}`);
    await pause(50);
  }
}

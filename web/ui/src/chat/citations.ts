// Moments that an answer names, so that each can open the chart of that time.
//
// The agent writes RFC 3339, `2026-11-23 09:30:00 UTC`, or `09:30:00 UTC` for the day of the
// answer. Which host is meant is the one that was named last before.

export interface Citation {
  start: number;
  end: number;
  host: string;
  /** Unix milliseconds. */
  at: number;
}

const MOMENT =
  /\b(?:(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d(?::\d\d)?)(?:\.\d+)?(?:Z| ?UTC)|(\d\d:\d\d(?::\d\d)?) ?UTC)(?!\w)/g;

const DAY = 86_400_000;

/**
 * The moments in a text, in order.
 * @param named the host that was named last before the text, if any
 * @param answered when the answer was made
 */
export function citationsIn(text: string, hosts: string[], named: string | null, answered: number): Citation[] {
  const found: Citation[] = [];
  for (const match of text.matchAll(MOMENT)) {
    const at = match[1] !== undefined ? Date.parse(`${match[1]}T${match[2]}Z`) : lastAt(match[3]!, answered);
    const host = lastNamed(text.slice(0, match.index), hosts) ?? named ?? (hosts.length === 1 ? hosts[0]! : null);
    if (host === null || !Number.isFinite(at) || at > answered + DAY) continue;
    found.push({ start: match.index, end: match.index + match[0].length, host, at });
  }
  return found;
}

/** The host that a text names last; a host's name inside another one is none. */
export function lastNamed(text: string, hosts: string[]): string | null {
  let [best, place] = [null as string | null, -1];
  for (const host of hosts) {
    for (let at = text.lastIndexOf(host); at > place; at = at > 0 ? text.lastIndexOf(host, at - 1) : -1) {
      if (isWord(text, at, at + host.length)) {
        [best, place] = [host, at];
        break;
      }
    }
  }
  return best;
}

function isWord(text: string, start: number, end: number): boolean {
  const inside = /[\w-]/;
  return !(start > 0 && inside.test(text[start - 1]!)) && !(end < text.length && inside.test(text[end]!));
}

/** The last time before `answered` that clocks in UTC showed this. */
function lastAt(clock: string, answered: number): number {
  const today = new Date(answered).toISOString().slice(0, 10);
  const at = Date.parse(`${today}T${clock}Z`);
  return at > answered + 60_000 ? at - DAY : at;
}

// What a model costs today, and what it may.

import type { Usage } from '../messenger/types.ts';
import { usd } from '../reading/format.ts';

export interface Today {
  spent: number;
  cap: number | undefined;
  until: string;
  /** Whether the rules answer for the rest of the day. */
  isSpent: boolean;
}

/** As far as the agent has told it; a day that is over has cost nothing yet. `null` where there is no model. */
export function todayOf({ today }: Usage, now: number): Today | null {
  if (!today) return null;
  const isOver = now >= Date.parse(today.until);
  const [spent, cap] = [isOver ? 0 : today.spent_usd, today.cap_usd];
  return { spent, cap, until: today.until, isSpent: cap !== undefined && spent >= cap };
}

export function todayText({ spent, cap }: Today): string {
  return cap === undefined ? `${usd(spent)}, no cap` : `${usd(spent)} of ${usd(cap)}`;
}

// What of a host's samples did not come as it should.

import type { HostStatus } from '../messenger/types.ts';
import { plural } from '../reading/format.ts';

type Counts = Pick<HostStatus, 'missing' | 'lost' | 'late' | 'duplicate'>;

/** Whether anything is gone, or may still come. */
export function isLoss({ missing = 0, lost = 0 }: Counts): boolean {
  return missing + lost > 0;
}

/** In words: what may still come, and what will not. */
export function lossText({ missing = 0, lost = 0 }: Counts): string {
  const parts = [
    missing > 0 && `${plural(missing, 'sample')} missing`,
    lost > 0 && `${plural(lost, 'sample')} lost`,
  ];
  return parts.filter(Boolean).join(', ');
}

/** In words: what came otherwise than it should, without harm. */
export function oddText({ late = 0, duplicate = 0 }: Counts): string {
  const parts = [
    late > 0 && `${plural(late, 'sample')} came late`,
    duplicate > 0 && `${plural(duplicate, 'sample')} came twice`,
  ];
  return parts.filter(Boolean).join(', ');
}

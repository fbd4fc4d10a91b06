// What the link can be told to do to the next text.

import type { Fault } from '../messenger/types.ts';

export interface Choice {
  fault: Fault | '';
  /** In the composer. */
  label: string;
  /** What will happen. */
  hint: string;
}

export const CHOICES: Choice[] = [
  { fault: '', label: 'as it is', hint: '' },
  { fault: 'tamper', label: 'tampered', hint: 'One bit of the envelope flips on its way. The true bytes are kept.' },
  { fault: 'replay', label: 'twice', hint: 'The same bytes are published a second time, under another message id.' },
  { fault: 'drop', label: 'lost on the way', hint: 'The bus never gets it, though the sender’s device believes so. It can be sent again.' },
  { fault: 'reorder', label: 'late', hint: 'It waits until the next text to the same person has passed.' },
];

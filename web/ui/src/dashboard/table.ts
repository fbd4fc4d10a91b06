// The order of a table's rows.

import { inOrder } from '../reading/format.ts';

export interface Column<Row> {
  head: string;
  show: (row: Row) => string;
  /** What it is sorted by. */
  value: (row: Row) => string | number | undefined;
  /** Whether it is words; numbers stand on the right, and the largest first. */
  text?: boolean;
}

export interface Order {
  column: number;
  up: boolean;
}

/** Unknown values come last, whichever way round. */
export function sorted<Row>(rows: Row[], columns: Column<Row>[], { column, up }: Order): Row[] {
  const value = columns[column]?.value ?? (() => undefined);
  const sign = up ? 1 : -1;
  return [...rows].sort((left, right) => {
    const [a, b] = [value(left), value(right)];
    if (a === undefined || b === undefined) return Number(a === undefined) - Number(b === undefined);
    return sign * (typeof a === 'string' || typeof b === 'string'
      ? inOrder(String(a), String(b)) : a - b);
  });
}

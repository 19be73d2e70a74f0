import { type Column, isNumeric, type Value } from '../columns/column.ts';

export interface Sort {
  /** A column's id. */
  readonly column: string;
  readonly descending: boolean;
}

/** The largest figure first, but names from A. */
export function naturalSort(column: Pick<Column<never>, 'id' | 'unit'>): Sort {
  return { column: column.id, descending: isNumeric(column) };
}

/**
 * Numbers as numbers, text by its own alphabet; rows without a figure last, whichever way; rows that are equal
 * by name and then by key, so that no row jumps about.
 */
export function sorted<Row>(
  rows: readonly Row[],
  column: Column<Row> | undefined,
  descending: boolean,
  keyOf: (row: Row) => string,
  nameOf: (row: Row) => string,
): Row[] {
  const keyed = rows.map((row) => ({ row, value: column?.read(row), name: nameOf(row), key: keyOf(row) }));
  const direction = descending ? -1 : 1;
  keyed.sort((a, b) => {
    if (a.value !== b.value) {
      if (a.value === undefined) return 1;
      if (b.value === undefined) return -1;
      const order = compared(a.value, b.value);
      if (order !== 0) return order * direction;
    }
    return compared(a.name, b.name) || compared(a.key, b.key);
  });
  return keyed.map(({ row }) => row);
}

function compared(a: Value, b: Value): number {
  if (typeof a === 'number' && typeof b === 'number') return a - b;
  const [left, right] = [String(a), String(b)];
  return left < right ? -1 : left > right ? 1 : 0;
}

import { type Column, isNumeric, type Value } from '../columns/column.ts';

export interface Sort {
  /** A column's id. */
  readonly column: string;
  readonly descending: boolean;
}

/** Numbers descending, text ascending. */
export function naturalSort(column: Pick<Column<never>, 'id' | 'unit'>): Sort {
  return { column: column.id, descending: isNumeric(column) };
}

/**
 * Numbers numerically, text by UTF-16 code units; rows without a value last in either direction; ties by name, then by
 * key, so that rows do not jump.
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

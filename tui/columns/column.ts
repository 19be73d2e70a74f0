import { bytes, count, duration, milliseconds, percent } from '../../model/format.ts';
import type { Reason } from '../model/reasons.ts';
import { cellsOf, widthOf } from '../text/cells.ts';
import { displayable } from '../text/displayable.ts';
import type { Role } from '../text/line.ts';

export type Unit =
  | 'text'
  | 'number'
  | 'percent'
  | 'bytes'
  | 'bytes_per_second'
  | 'per_second'
  | 'milliseconds'
  | 'seconds';

export type Value = number | string;

/**
 * One column of a table. Tables, the sort menu, filters, thresholds, help, CSV, JSON and docs/top.md are all generated
 * from these.
 */
export interface Column<Row> {
  /** Stable: used in CSV, JSON, `--sort`, filters and thresholds. */
  readonly id: string;
  /** Alternative names on a command line. */
  readonly aliases?: readonly string[] | undefined;
  readonly title: string;
  readonly unit: Unit;
  /** In screen cells. */
  readonly width: number;
  readonly help: string;
  /** Metrics of the catalogue that it is computed from. */
  readonly metrics: readonly string[];
  readonly read: (row: Row) => Value | undefined;
  /** Why there is no value. */
  readonly why?: (row: Row) => Reason;
  /** A text that is too long is cut at its start. */
  readonly keepsEnd?: boolean;
  /** How to format it, where the unit is not enough. */
  readonly show?: (value: Value, row: Row) => string;
  readonly role?: (value: Value, row: Row) => Role;
}

export function isNumeric({ unit }: { readonly unit: Unit }): boolean {
  return unit !== 'text';
}

const FORMATS: Readonly<Record<Exclude<Unit, 'text'>, (value: number) => string>> = {
  number: count,
  percent,
  bytes,
  bytes_per_second: bytes,
  per_second: count,
  milliseconds,
  seconds: duration,
};

/** The value as shown on a screen. Text is untrusted, and is sanitized here. */
export function shown<Row>(column: Column<Row>, value: Value, row: Row, ascii = false): string {
  if (column.unit === 'text') {
    const text = displayable(column.show?.(value, row) ?? String(value), ascii);
    return column.keepsEnd === true ? endOf(text, column.width) : text;
  }
  return column.show?.(value, row) ?? (typeof value === 'string' ? value : FORMATS[column.unit](value));
}

/** Cuts a text at its start: the end of a path is what distinguishes it. */
function endOf(text: string, width: number): string {
  if (widthOf(text) <= width) return text;
  let used = 1;
  let kept = '';
  for (const cell of cellsOf(text).toReversed()) {
    used += cell.width;
    if (used > width) break;
    kept = cell.text + kept;
  }
  return `~${kept}`;
}

/** By id or alias; undefined when no column has that name. */
export function findColumn<
  C extends { readonly id: string; readonly aliases?: readonly string[] | undefined },
>(columns: readonly C[], name: string): C | undefined {
  const wanted = name.trim().toLowerCase();
  return columns.find(({ id, aliases }) => id === wanted || aliases?.includes(wanted));
}

/** Colours by limits: the role of the last limit that is reached. */
export function levels(...limits: readonly (readonly [from: number, role: Role])[]): (value: Value) => Role {
  return (value) => {
    let role: Role = 'text';
    for (const [from, each] of limits) if (Number(value) >= from) role = each;
    return role;
  };
}

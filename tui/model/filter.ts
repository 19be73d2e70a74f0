import { VirtuneError } from '../../model/virtune-error.ts';
import { type Column, findColumn, isNumeric } from '../columns/column.ts';

/** A filter, a threshold or a sort key that cannot be understood. */
export class ExpressionError extends VirtuneError {
  override readonly name = 'ExpressionError';
  constructor(message: string, options?: ErrorOptions) {
    super('USAGE', message, options);
  }
}

export type Test<Row> = (row: Row) => boolean;

const COMPARISON = /^\s*([\w]+)\s*(>=|<=|!=|>|<|=)\s*(.+?)\s*$/;
/** `steal>5`: a figure against a limit. Anything that is not a column is part of a name. */
const UNITS: Readonly<Record<string, number>> = {
  '': 1,
  '%': 1,
  k: 1e3,
  K: 2 ** 10,
  M: 2 ** 20,
  G: 2 ** 30,
  T: 2 ** 40,
  ms: 1,
  s: 1,
};

/**
 * `web|db` shows rows whose name has one of the two in it, `!idle` those without; `steal>5` and `state=paused`
 * compare a column. The whole is inverted by a `!` at its start, one alternative by a `!` before it after `|`.
 * `text`: what of a row is searched.
 * @throws ExpressionError when a comparison names a column but no number
 */
export function parseFilter<Row>(
  filter: string,
  columns: readonly Column<Row>[],
  text: (row: Row) => string,
): Test<Row> {
  const trimmed = filter.trim();
  if (trimmed === '' || trimmed === '!') return () => true;
  const inverted = trimmed.startsWith('!');
  const tests = (inverted ? trimmed.slice(1) : trimmed)
    .split('|')
    .filter((part) => part.trim() !== '')
    .map((part) => alternative(part, columns, text));
  if (tests.length === 0) return () => true;
  return (row) => tests.some((test) => test(row)) !== inverted;
}

function alternative<Row>(
  part: string,
  columns: readonly Column<Row>[],
  text: (row: Row) => string,
): Test<Row> {
  const trimmed = part.trim();
  if (trimmed.startsWith('!')) {
    const test = alternative(trimmed.slice(1), columns, text);
    return (row) => !test(row);
  }
  const compared = parseComparison(trimmed, columns);
  if (compared !== undefined) return compared.test;
  const wanted = trimmed.toLowerCase();
  return (row) => text(row).toLowerCase().includes(wanted);
}

export interface Comparison<Row> {
  readonly column: Column<Row>;
  readonly text: string;
  readonly test: Test<Row>;
}

/** Undefined when it does not begin with the name of a column. A row without the figure does not pass. */
function parseComparison<Row>(text: string, columns: readonly Column<Row>[]): Comparison<Row> | undefined {
  const match = COMPARISON.exec(text);
  if (match === null) return undefined;
  const [, name = '', operator = '', limit = ''] = match;
  const column = findColumn(columns, name);
  if (column === undefined) return undefined;
  const holds = isNumeric(column) ? numberTest(column, operator, limit) : textTest(operator, limit);
  return {
    column,
    text: `${column.id} ${operator} ${limit}`,
    test: (row) => {
      const value = column.read(row);
      return value !== undefined && holds(value);
    },
  };
}

function numberTest<Row>(
  column: Column<Row>,
  operator: string,
  limit: string,
): (value: number | string) => boolean {
  const match = /^(-?\d+(?:\.\d+)?)\s*(%|[kKMGT]|ms|s)?(?:i?B)?(?:\/s)?$/.exec(limit);
  if (match === null) {
    throw new ExpressionError(
      `"${limit}" is not a number for ${column.id}; example: ${column.id}>10 or ${column.id}>1.5M`,
    );
  }
  const bound = Number(match[1]) * (UNITS[match[2] ?? ''] ?? 1);
  const holds = NUMBER_TESTS[operator] ?? (() => false);
  return (value) => holds(Number(value), bound);
}

const NUMBER_TESTS: Readonly<Record<string, (value: number, bound: number) => boolean>> = {
  '>': (value, bound) => value > bound,
  '>=': (value, bound) => value >= bound,
  '<': (value, bound) => value < bound,
  '<=': (value, bound) => value <= bound,
  '=': (value, bound) => value === bound,
  '!=': (value, bound) => value !== bound,
};

function textTest(operator: string, wanted: string): (value: number | string) => boolean {
  const lower = wanted.toLowerCase();
  if (operator === '=') return (value) => String(value).toLowerCase() === lower;
  if (operator === '!=') return (value) => String(value).toLowerCase() !== lower;
  throw new ExpressionError(`"${operator}" does not compare text; use = or !=`);
}

/** @throws ExpressionError saying what a threshold looks like */
export function parseThreshold<Row>(text: string, columns: readonly Column<Row>[]): Comparison<Row> {
  const comparison = parseComparison(text, columns);
  if (comparison === undefined) {
    const names = columns.filter(isNumeric).map(({ id, aliases }) => aliases?.[0] ?? id);
    throw new ExpressionError(
      `"${text}" is not a threshold; expected COLUMN>NUMBER, such as 'delay>10%', with one of ${names.join(', ')}`,
    );
  }
  return comparison;
}

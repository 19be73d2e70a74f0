import { VirtuneError } from '../../model/virtune-error.ts';
import { type Column, findColumn, isNumeric, type Unit } from '../columns/column.ts';

/** An invalid filter, threshold or sort key. */
export class ExpressionError extends VirtuneError {
  override readonly name = 'ExpressionError';
  constructor(message: string, options?: ErrorOptions) {
    super('USAGE', message, options);
  }
}

export type Test<Row> = (row: Row) => boolean;

const COMPARISON = /^\s*([\w]+)\s*(>=|<=|!=|>|<|=)\s*(.+?)\s*$/;
/** Powers of 1,024 as on the screen, except a lower-case k, which is 1,000 as in SI. */
const BYTES = { '': 1, k: 1e3, K: 2 ** 10, M: 2 ** 20, G: 2 ** 30, T: 2 ** 40 };
const COUNTS = { '': 1, k: 1e3, K: 1e3, M: 1e6, G: 1e9, T: 1e12 };

type NumericUnit = Exclude<Unit, 'text'>;

interface LimitUnits {
  /** Multiplier to the column's unit, by suffix of the number. */
  readonly factors: Readonly<Record<string, number>>;
  /** Optional suffix after those, ignored. */
  readonly ending?: RegExp;
  readonly example: string;
}

/** A limit has the unit of its column; any other suffix is an error, so that `mem>80%` is not 80 bytes. */
const LIMIT_UNITS: Readonly<Record<NumericUnit, LimitUnits>> = {
  number: { factors: COUNTS, example: '10' },
  percent: { factors: { '': 1, '%': 1 }, example: '10' },
  bytes: { factors: BYTES, ending: /(?:i?B)?$/, example: '1.5G' },
  bytes_per_second: { factors: BYTES, ending: /(?:i?B)?(?:\/s)?$/, example: '1.5M' },
  per_second: { factors: COUNTS, ending: /(?:\/s)?$/, example: '1.5k' },
  milliseconds: { factors: { '': 1, ms: 1, s: 1e3 }, example: '20ms' },
  seconds: { factors: { '': 1, ms: 1e-3, s: 1 }, example: '60s' },
};

/**
 * `web|db` shows rows whose name contains one of the two, `!idle` those without; `steal>5` and `state=paused` compare a
 * column. A leading `!` inverts the whole filter, a `!` after `|` one alternative. `text` returns the searched text of
 * a row. If several columns have the same name, the first is compared.
 * @throws ExpressionError when a comparison names no column, or no number in its unit
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
  const [, name] = COMPARISON.exec(trimmed) ?? [];
  if (name !== undefined) {
    const known = [...new Set(columns.map(({ id }) => id))].join(', ');
    throw new ExpressionError(
      `no column "${name}"; leave out =, < and > to search names; columns are ${known}`,
    );
  }
  const wanted = trimmed.toLowerCase();
  return (row) => text(row).toLowerCase().includes(wanted);
}

export interface Comparison<Row> {
  readonly column: Column<Row>;
  readonly text: string;
  readonly test: Test<Row>;
}

/** Undefined when the text does not start with the name of a column. A row without the value does not match. */
function parseComparison<Row>(text: string, columns: readonly Column<Row>[]): Comparison<Row> | undefined {
  const match = COMPARISON.exec(text);
  if (match === null) return undefined;
  const [, name = '', operator = '', limit = ''] = match;
  const column = findColumn(columns, name);
  if (column === undefined) return undefined;
  const { id, unit } = column;
  const holds = unit === 'text' ? textTest(operator, limit) : numberTest(id, unit, operator, limit);
  return {
    column,
    text: `${id} ${operator} ${limit}`,
    test: (row) => {
      const value = column.read(row);
      return value !== undefined && holds(value);
    },
  };
}

/** @throws ExpressionError when the limit is not a number in the unit */
function numberTest(
  id: string,
  unit: NumericUnit,
  operator: string,
  limit: string,
): (value: number | string) => boolean {
  const bound = boundOf(limit, LIMIT_UNITS[unit]);
  if (bound === undefined) {
    throw new ExpressionError(
      `"${limit}" is not a number for ${id} (${unit.replaceAll('_', ' ')}); example: ${id}>${LIMIT_UNITS[unit].example}`,
    );
  }
  const holds = NUMBER_TESTS[operator] ?? (() => false);
  return (value) => holds(Number(value), bound);
}

/** The limit in the column's unit; undefined when it is not a number, or has another unit. */
function boundOf(limit: string, { factors, ending }: LimitUnits): number | undefined {
  const match = /^(-?\d+(?:\.\d+)?)\s*(.*)$/.exec(limit);
  if (match === null) return undefined;
  const [, digits, unit = ''] = match;
  const name = ending === undefined ? unit : unit.replace(ending, '');
  const factor = Object.hasOwn(factors, name) ? factors[name] : undefined;
  return factor === undefined ? undefined : Number(digits) * factor;
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

/** @throws ExpressionError with the expected form of a threshold */
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

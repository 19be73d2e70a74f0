import { VirtuneError } from '../../model/virtune-error.ts';
import { type Column, findColumn, isNumeric, type Unit } from '../columns/column.ts';

/** A filter, a threshold or a sort key that cannot be understood. */
export class ExpressionError extends VirtuneError {
  override readonly name = 'ExpressionError';
  constructor(message: string, options?: ErrorOptions) {
    super('USAGE', message, options);
  }
}

export type Test<Row> = (row: Row) => boolean;

const COMPARISON = /^\s*([\w]+)\s*(>=|<=|!=|>|<|=)\s*(.+?)\s*$/;
/** Powers of 1,024 as on the screen, but for a small k, which is a thousand in SI. */
const BYTES = { '': 1, k: 1e3, K: 2 ** 10, M: 2 ** 20, G: 2 ** 30, T: 2 ** 40 };
const COUNTS = { '': 1, k: 1e3, K: 1e3, M: 1e6, G: 1e9, T: 1e12 };

type NumericUnit = Exclude<Unit, 'text'>;

interface LimitUnits {
  /** Of a column's unit, by what may stand behind a number. */
  readonly factors: Readonly<Record<string, number>>;
  /** May stand behind them, and changes nothing. */
  readonly ending?: RegExp;
  readonly example: string;
}

/** A limit is in the unit of its column, and nothing else may be said to be it: `mem>80%` is not 80 bytes. */
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
 * `web|db` shows rows whose name has one of the two in it, `!idle` those without; `steal>5` and `state=paused`
 * compare a column. The whole is inverted by a `!` at its start, one alternative by a `!` before it after `|`.
 * `text`: what of a row is searched. Of columns with the same name the first is compared.
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
      `no column "${name}"; names are searched without =, < and >, and columns are ${known}`,
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

/** Undefined when it does not begin with the name of a column. A row without the figure does not pass. */
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

/** In the unit of the column; undefined where it is not a number, or one in another unit. */
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

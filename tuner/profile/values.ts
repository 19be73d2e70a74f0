import { VirtuneError } from '../../model/virtune-error.ts';
import { evaluate, type Figure, FigureError, parseFigure, type Subjects } from './rule.ts';

/** The values that a knob accepts, and their description in the reference. */
export interface ValueKind<V> {
  readonly help: string;
  /** @throws ValueError */
  readonly parse: (raw: unknown) => V;
}

/** States what a knob got and what it accepts. */
export class ValueError extends VirtuneError {
  override readonly name = 'ValueError';
  constructor(message: string, options?: ErrorOptions) {
    super('KNOB_VALUE', message, options);
  }
}

const shown = (raw: unknown): string => JSON.stringify(raw) ?? String(raw);

export function choice<const C extends string>(...values: readonly C[]): ValueKind<C> {
  const help = values.map((value) => `\`${value}\``).join(', ');
  return {
    help,
    parse: (raw) => {
      const found = values.find((value) => value === raw);
      if (found === undefined) throw new ValueError(`${shown(raw)} is not one of ${values.join(', ')}`);
      return found;
    },
  };
}

/** A boolean, also in the words of libvirt's XML. */
export const onOff: ValueKind<boolean> = {
  help: '`on`, `off`',
  parse: (raw) => {
    if (raw === true || raw === 'on' || raw === 'yes') return true;
    if (raw === false || raw === 'off' || raw === 'no') return false;
    throw new ValueError(`${shown(raw)} is not on or off`);
  },
};

interface CountRange {
  readonly min?: number;
  readonly max?: number;
  /** Only powers of two. */
  readonly power?: boolean;
}

/** A whole number, without rules. */
export function whole({
  min = 0,
  max = Number.MAX_SAFE_INTEGER,
  power = false,
}: CountRange = {}): ValueKind<number> {
  const upTo = max === Number.MAX_SAFE_INTEGER ? '' : ` to ${max}`;
  const help = `${power ? 'a power of two' : 'a whole number'} from ${min}${upTo}`;
  return {
    help,
    parse: (raw) => {
      const fits = typeof raw === 'number' && Number.isSafeInteger(raw) && raw >= min && raw <= max;
      if (!fits || (power && !Number.isInteger(Math.log2(raw))))
        throw new ValueError(`${shown(raw)} is not ${help}`);
      return raw;
    },
  };
}

/** Whole numbers in strictly ascending order: `[1, 60]`; a single one needs no list. */
export function ascending({
  items,
  ...range
}: CountRange & {
  readonly items: number;
}): ValueKind<readonly number[]> {
  const one = whole(range);
  const help = `${one.help}, or an ascending list of up to ${items}: \`[1, 60]\``;
  return {
    help,
    parse: (raw) => {
      const list: readonly unknown[] = Array.isArray(raw) ? raw : [raw];
      const numbers = list.map((each) => one.parse(each));
      const rises = numbers.every((number, index) => number > (numbers[index - 1] ?? -1));
      if (!rises || numbers.length === 0 || numbers.length > items)
        throw new ValueError(`${shown(raw)} is not ${help.replaceAll('`', '')}`);
      return numbers;
    },
  };
}

/** A whole number, or a rule such as `= vCPUs, at most 4`. Bounds also apply to the result of a rule. */
export function count(range: CountRange = {}): ValueKind<Figure> {
  const fixed = whole(range);
  return {
    help: `${fixed.help}, or a rule: \`= vCPUs, at most 4\``,
    parse: (raw) => {
      if (typeof raw !== 'string') return { kind: 'fixed', value: fixed.parse(raw) };
      const figure = figureOf(raw, 'count');
      if (figure.kind === 'fixed') fixed.parse(figure.value);
      return figure;
    },
  };
}

/** `2 GiB`, or a rule such as `= memory, plus 2 GiB`. */
export const size: ValueKind<Figure> = {
  help: 'a size (`2 GiB`), or a rule: `= memory, plus 2 GiB`',
  parse: (raw) => {
    if (typeof raw !== 'string')
      throw new ValueError(`${shown(raw)} is not a size with a unit; write for example "2 GiB"`);
    return figureOf(raw, 'size');
  },
};

function figureOf(raw: string, dimension: 'count' | 'size'): Figure {
  try {
    return parseFigure(raw, dimension);
  } catch (error) {
    if (error instanceof FigureError) throw new ValueError(error.message, { cause: error });
    throw error;
  }
}

/** Text of a certain form. */
export function text(help: string, valid: (raw: string) => boolean): ValueKind<string> {
  return {
    help,
    parse: (raw) => {
      if (typeof raw !== 'string' || !valid(raw))
        throw new ValueError(`${shown(raw)} is not ${help.replaceAll('`', '')}`);
      return raw;
    },
  };
}

/** Also accepts `default`: nothing is set, so libvirt's or QEMU's default applies. */
export function orDefault<V>(kind: ValueKind<V>): ValueKind<V | undefined> {
  const { help, parse } = orWord(kind, 'default');
  return {
    help,
    parse: (raw) => {
      const value = parse(raw);
      return value === 'default' ? undefined : value;
    },
  };
}

/** Also accepts words with a special meaning. */
export function orWord<V, const W extends string>(
  kind: ValueKind<V>,
  ...words: readonly W[]
): ValueKind<V | W> {
  return {
    help: [...words.map((word) => `\`${word}\``), kind.help].join(', '),
    parse: (raw) => {
      const word = words.find((each) => each === raw);
      if (word !== undefined) return word;
      try {
        return kind.parse(raw);
      } catch (error) {
        if (!(error instanceof ValueError)) throw error;
        throw new ValueError(`${error.message}; also allowed: ${words.join(', ')}`, { cause: error });
      }
    },
  };
}

/** The value of a figure, as text. */
export function figureValue(figure: Figure | undefined, subjects: Subjects): string | undefined {
  return figure === undefined ? undefined : String(evaluate(figure, subjects));
}

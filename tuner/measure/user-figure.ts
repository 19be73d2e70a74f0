import { TunerError } from '../errors.ts';
import type { Figure, Reading } from './figure.ts';
import { probe } from './probe.ts';
import { promql, queryUrl } from './promql.ts';

/** A figure that virtune cannot measure itself. */
export interface UserFigure {
  readonly figure: Figure;
  /** @throws TunerError TUNE_FIGURE saying why there is no value. */
  read(everyMs: number): Promise<number>;
}

export interface UserFigureOptions {
  /** A figure of the host, instead. */
  readonly metric?: string | undefined;
  readonly probe?: string | undefined;
  readonly promql?: string | undefined;
  readonly prometheus?: string | undefined;
  readonly higherIsBetter?: boolean | undefined;
}

/** A reading may take as long as the interval of samples, and so long where that is short: a busy host is slow. */
const TIMEOUT_MS_MIN = 5_000;
const timeoutMs = (everyMs: number): number => Math.max(everyMs, TIMEOUT_MS_MIN);

/**
 * The figure that an operator brings; undefined where none is asked for.
 *
 * @throws TunerError TUNE_USAGE for several, half of one, or an address that is not one.
 */
export function userFigure(options: UserFigureOptions): UserFigure | undefined {
  const { metric, probe: command, promql: expression, prometheus, higherIsBetter } = options;
  if ([metric, command, expression].filter((each) => each !== undefined).length > 1) {
    throw new TunerError('TUNE_USAGE', 'one figure decides: use one of --metric, --probe and --promql');
  }
  if ((expression === undefined) !== (prometheus === undefined)) {
    throw new TunerError('TUNE_USAGE', '--promql and --prometheus belong together');
  }
  if (command === undefined && expression === undefined) {
    if (higherIsBetter === undefined) return undefined;
    throw new TunerError(
      'TUNE_USAGE',
      '--higher-is-better needs --probe or --promql: the direction of a --metric is known',
    );
  }
  const direction = higherIsBetter === true ? 'higher is better' : 'lower is better';
  if (command !== undefined) {
    return {
      figure: { name: 'probe', kind: 'gauge', direction },
      read: (everyMs) => probe(command, timeoutMs(everyMs)),
    };
  }
  const query = queryUrl(prometheus ?? '');
  return {
    figure: { name: 'promql', kind: 'gauge', direction },
    read: (everyMs) => promql(query, expression ?? '', timeoutMs(everyMs)),
  };
}

/** Its value, or why there is none: what is missing in one sample does not end an experiment. */
export async function readingOf(
  figure: UserFigure,
  everyMs: number,
): Promise<Pick<Reading, 'value' | 'missing'>> {
  try {
    return { value: await figure.read(everyMs) };
  } catch (error) {
    if (!(error instanceof TunerError)) throw error;
    return { value: undefined, missing: error.message };
  }
}

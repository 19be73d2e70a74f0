import { VirtuneError } from '../../model/virtune-error.ts';
import { openPrometheus } from '../../sampler/prometheus/prometheus.ts';
import { TunerError } from '../errors.ts';
import type { Figure, Reading } from './figure.ts';
import { probe } from './probe.ts';
import { promql } from './promql.ts';

/** A figure that virtune cannot measure itself. */
export interface UserFigure {
  readonly figure: Figure;
  /** @throws TunerError TUNE_FIGURE, or PrometheusError, saying why there is no value. */
  read(): Promise<number>;
}

export interface UserFigureOptions {
  /** A figure of the host to use instead. */
  readonly metric?: string | undefined;
  readonly probe?: string | undefined;
  readonly promql?: string | undefined;
  readonly prometheus?: string | undefined;
  readonly higherIsBetter?: boolean | undefined;
}

/** A reading may take as long as the interval of samples, and at least this long: a busy host is slow. */
const TIMEOUT_MS_MIN = 5_000;

/**
 * The operator's own figure; undefined if none is requested.
 *
 * @param everyMs interval of samples
 * @throws TunerError TUNE_USAGE for several or incomplete ones; PrometheusError PROMETHEUS_ADDRESS for an invalid URL.
 */
export function userFigure(options: UserFigureOptions, everyMs: number): UserFigure | undefined {
  const { metric, probe: command, promql: expression, prometheus, higherIsBetter } = options;
  if ([metric, command, expression].filter((each) => each !== undefined).length > 1) {
    throw new TunerError('TUNE_USAGE', 'one figure decides: use one of --metric, --probe and --promql');
  }
  if ((expression === undefined) !== (prometheus === undefined)) {
    throw new TunerError('TUNE_USAGE', '--promql and --prometheus must be used together');
  }
  if (command === undefined && expression === undefined) {
    if (higherIsBetter === undefined) return undefined;
    throw new TunerError(
      'TUNE_USAGE',
      '--higher-is-better needs --probe or --promql: the direction of a --metric is known',
    );
  }
  const timeoutMs = Math.max(everyMs, TIMEOUT_MS_MIN);
  const direction = higherIsBetter === true ? 'higher is better' : 'lower is better';
  if (command !== undefined) {
    return {
      figure: { name: 'probe', kind: 'gauge', direction },
      read: () => probe(command, timeoutMs),
    };
  }
  const server = openPrometheus(prometheus ?? '', { timeoutMs, ifSlow: 'use a longer --every' });
  return {
    figure: { name: 'promql', kind: 'gauge', direction },
    read: () => promql(server, expression ?? ''),
  };
}

/** Its value, or why there is none: a value missing from one sample does not end an experiment. */
export async function readingOf(figure: UserFigure): Promise<Pick<Reading, 'value' | 'missing'>> {
  try {
    return { value: await figure.read() };
  } catch (error) {
    if (!(error instanceof VirtuneError)) throw error;
    return { value: undefined, missing: error.message };
  }
}

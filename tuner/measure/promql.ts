import type { Prometheus } from '../../sampler/prometheus/prometheus.ts';
import { figureError } from './figure-error.ts';

/**
 * The current value of an expression.
 *
 * @throws PrometheusError if Prometheus gives no result; TunerError TUNE_FIGURE if it is not a single finite number.
 */
export async function promql(prometheus: Pick<Prometheus, 'instant'>, expression: string): Promise<number> {
  const series = await prometheus.instant(expression);
  const [only, ...more] = series;
  if (only === undefined) throw figureError('no series has a value for --promql now');
  if (more.length > 0) {
    throw figureError(
      `--promql returns ${series.length} series instead of one number; aggregate them, for example with sum()`,
    );
  }
  if (Number.isFinite(only.value)) return only.value;
  throw figureError(`the value of --promql is ${only.value} instead of a finite number`);
}

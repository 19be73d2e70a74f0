import { VirtuneError, type VirtuneErrorCode } from '../../model/virtune-error.ts';

export type PrometheusErrorCode = Extract<VirtuneErrorCode, `PROMETHEUS_${string}`>;

/** A Prometheus that cannot be reached, rejects a query, or has no series that were asked for. */
export class PrometheusError extends VirtuneError {
  override readonly name = 'PrometheusError';
  declare readonly code: PrometheusErrorCode;

  constructor(code: PrometheusErrorCode, message: string, options?: ErrorOptions) {
    super(code, message, options);
  }
}

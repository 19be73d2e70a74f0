import { PrometheusError } from '../../../sampler/prometheus/prometheus-error.ts';

/** A host that could not be read. */
export interface Unread {
  readonly instance: string;
  readonly reason: string;
}

/** Hosts of one query, initially: some thousand VMs. */
const HOSTS_AT_ONCE = 64;

/**
 * Reads hosts in chunks. A chunk whose queries are too large or too slow for Prometheus is halved, down to one host,
 * which is then left unread; other errors propagate.
 * @param unread receives hosts that could not be read
 */
export async function* inChunks<T>(
  instances: readonly string[],
  read: (instances: readonly string[]) => Promise<T>,
  unread: Unread[],
): AsyncGenerator<T> {
  const waiting: (readonly string[])[] = [];
  for (let from = 0; from < instances.length; from += HOSTS_AT_ONCE) {
    waiting.push(instances.slice(from, from + HOSTS_AT_ONCE));
  }
  for (let chunk = waiting.shift(); chunk !== undefined; chunk = waiting.shift()) {
    try {
      yield await read(chunk);
    } catch (error) {
      if (!(error instanceof PrometheusError) || !isTooMuch(error)) throw error;
      const half = Math.ceil(chunk.length / 2);
      if (chunk.length > 1) waiting.unshift(chunk.slice(0, half), chunk.slice(half));
      else unread.push({ instance: chunk[0] as string, reason: error.message });
    }
  }
}

/** Prometheus limits samples, time and response size of a query. */
const isTooMuch = ({ code }: PrometheusError): boolean =>
  code === 'PROMETHEUS_QUERY' || code === 'PROMETHEUS_NO_ANSWER';

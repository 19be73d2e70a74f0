import { formatSeconds } from '../../../model/duration.ts';
import type { Prometheus } from '../../../sampler/prometheus/prometheus.ts';
import { PrometheusError } from '../../../sampler/prometheus/prometheus-error.ts';
import { hostOf } from '../../fleet/constraints.ts';
import { selector } from '../../fleet/read/queries.ts';

/** Names that an error lists. */
const SHOWN = 10;

/** The host whose VMs are examined, or those that the user must choose from. */
export type FoundHost = { readonly instance: string } | { readonly choose: readonly string[] };

/**
 * The host with this `instance`, with or without its port; if none is given, the only one.
 * @throws PrometheusError PROMETHEUS_NO_SERIES where there is none
 */
export async function findHost(
  prometheus: Prometheus,
  {
    job,
    named,
    fromSeconds,
    toSeconds,
  }: {
    readonly job: string;
    readonly named: string | undefined;
    readonly fromSeconds: number;
    readonly toSeconds: number;
  },
): Promise<FoundHost> {
  const span = toSeconds - fromSeconds;
  const seen = await prometheus.instant(
    `group by (instance) (last_over_time(${selector(['libvirt_host_cpus'], { job })}[${span}s]))`,
    toSeconds,
  );
  const all = seen.map(({ labels: { instance = '' } }) => instance).sort();
  const matching = named === undefined ? all : all.filter((each) => each === named || hostOf(each) === named);
  const [instance] = matching;
  if (instance !== undefined && (matching.length === 1 || instance === named)) return { instance };
  if (matching.length > 1) return { choose: listed(matching) };
  throw new PrometheusError(
    'PROMETHEUS_NO_SERIES',
    `Prometheus at ${prometheus.address} has no virtune host (libvirt_host_cpus)${named === undefined ? '' : ` with the instance ${JSON.stringify(named)}`} with a job that matches ${job} within ${formatSeconds(span)}; ${
      all.length === 0
        ? "scrape virtune's exporters, or set --job"
        : `it has ${listed(all).join(', ')}; choose one with --instance`
    }`,
  );
}

const listed = (names: readonly string[]): string[] =>
  names.length <= SHOWN ? [...names] : [...names.slice(0, SHOWN), `${names.length - SHOWN} more`];

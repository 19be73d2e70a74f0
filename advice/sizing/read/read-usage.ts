import type { InstantSeries, Prometheus } from '../../../sampler/prometheus/prometheus.ts';
import { type Selection, selector, VM_INFO } from '../../fleet/read/queries.ts';
import { Snapshot } from '../../fleet/read/snapshot.ts';
import type { HostUsage, Point } from '../usage.ts';
import { NOW_SERIES, STEP_SECONDS, type UsageQueries, usageQueries } from './queries.ts';
import { type VmFigures, vmUsage } from './vm-usage.ts';

const DAY_SECONDS = 86_400;
/** Prometheus returns at most 11,000 points per series. */
const POINTS_MAX = 10_000;

export interface UsageOptions {
  /** Regular expression of the label `job`. */
  readonly job: string;
  readonly instance: string;
  readonly fromSeconds: number;
  readonly toSeconds: number;
}

/**
 * What the VMs of one host have and used; VMs that do not run now are left out.
 * @throws PrometheusError
 */
export async function readUsage(
  prometheus: Prometheus,
  { job, instance, fromSeconds, toSeconds }: UsageOptions,
): Promise<HostUsage> {
  const on: Selection = { job, instances: [instance] };
  const spanSeconds = toSeconds - fromSeconds;
  const queries = usageQueries(on, `${spanSeconds}s`);
  const ask = (query: string) => prometheus.instant(query, toSeconds);
  const overTime = async (query: string, stepSeconds: number): Promise<Map<string, Point[]>> => {
    const range = { startSeconds: fromSeconds + stepSeconds, endSeconds: toSeconds, stepSeconds };
    const series = await prometheus.range(query, range);
    return new Map(
      series.map(({ labels, values }) => [
        labels['domain'] ?? '',
        values.map(([atSeconds, value]) => ({ atSeconds, value })),
      ]),
    );
  };
  const stepSeconds = STEP_SECONDS * Math.ceil(spanSeconds / STEP_SECONDS / POINTS_MAX);
  const now = byDomain(await ask(selector(NOW_SERIES, on)));
  const uuidsNow = uuidsByName(await ask(selector([VM_INFO], on)));
  const uuidsEver = uuidsByName(await ask(queries.uuids));
  const demand = await overTime(queries.demand, stepSeconds);
  const dailyPeaks = await overTime(queries.dailyPeak, DAY_SECONDS);
  const perVm = await eachOf(queries.perVm, ask);
  const host = await eachOf(queries.host, ask);
  const of = now.get('') ?? new Snapshot();
  return {
    instance,
    fromSeconds,
    toSeconds,
    cpus: host.cpus.get('') ?? 0,
    demandP95Cpus: host.demandP95Cpus.get('') ?? 0,
    memoryBytes: of.value('libvirt_host_memory_bytes', { kind: 'total' }),
    availableBytes: host.availableBytes.get(''),
    vms: [...now.keys()].sort().flatMap((name) => {
      const figures: VmFigures = {
        now: now.get(name) ?? new Snapshot(),
        uuid: uuidsNow.get(name)?.[0],
        uuids: uuidsEver.get(name) ?? [],
        demand: demand.get(name),
        stepSeconds,
        dailyPeaks: dailyPeaks.get(name) ?? [],
        figure: (key: keyof UsageQueries['perVm']) => perVm[key].get(name),
      };
      return vmUsage(name, figures, spanSeconds) ?? [];
    }),
  };
}

/** The results of several queries, each by VM, or under '' where a query is about the host. */
async function eachOf<K extends string>(
  queries: Readonly<Record<K, string>>,
  ask: (query: string) => Promise<readonly InstantSeries[]>,
): Promise<Record<K, ReadonlyMap<string, number>>> {
  const answers: [string, ReadonlyMap<string, number>][] = [];
  for (const [key, query] of Object.entries<string>(queries)) {
    const series = await ask(query);
    answers.push([key, new Map(series.map(({ labels, value }) => [labels['domain'] ?? '', value]))]);
  }
  return Object.fromEntries(answers) as Record<K, ReadonlyMap<string, number>>;
}

/** Series of VMs by their name, and of the host under ''. */
function byDomain(series: readonly InstantSeries[]): Map<string, Snapshot> {
  const found = new Map<string, Snapshot>();
  for (const each of series) {
    const name = each.labels['domain'] ?? '';
    const snapshot = found.get(name) ?? new Snapshot();
    found.set(name, snapshot);
    snapshot.add(each);
  }
  return found;
}

function uuidsByName(series: readonly InstantSeries[]): Map<string, string[]> {
  const found = new Map<string, string[]>();
  for (const {
    labels: { domain = '', uuid },
  } of series) {
    if (uuid !== undefined) found.set(domain, [...(found.get(domain) ?? []), uuid]);
  }
  return found;
}

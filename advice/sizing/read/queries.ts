import type { SeriesName } from '../../../model/catalogue/names.ts';
import { RAN, type Selection, selector, WAITED } from '../../fleet/read/queries.ts';

/** Interval of the recording rules, and a multiple of most scrape intervals. */
export const STEP_SECONDS = 300;
/** Usable share of the available memory below which a guest lacks memory. */
const USABLE_MIN = 0.05;
/** With more usable, swap-in above this (bytes per second) returns pages lost earlier: the guest lacks none now. */
const USABLE_ENOUGH = 0.2;
const SWAP_IN_BYTES = 20_480;

/** What is read about VMs and their host, current values. */
export const NOW_SERIES = [
  'libvirt_domain_info_state',
  'libvirt_domain_persistent',
  'libvirt_domain_vcpu_current',
  'libvirt_domain_vcpu_maximum',
  'libvirt_domain_info_maximum_memory_bytes',
  'libvirt_domain_info_memory_usage_bytes',
  'libvirt_domain_memory_stats_available_bytes',
  'libvirt_domain_features_info',
  'libvirt_domain_hugepages',
  'libvirt_domain_hugepage_size_bytes',
  'libvirt_domain_memory_locked',
  'libvirt_domain_numa_cells',
  'libvirt_domain_cpu_sockets',
  'libvirt_host_memory_bytes',
] as const satisfies readonly SeriesName[];

/** Queries about one host. Figures of VMs have only the label `domain`, even where two Prometheus scrape it. */
export interface UsageQueries {
  /** Over time: CPU demand in CPUs, and used memory, in bytes, the highest of each day. */
  readonly demand: string;
  readonly dailyPeak: string;
  /** One figure per VM over the range. */
  readonly perVm: Readonly<Record<PerVm, string>>;
  /** UUIDs within the range, by name. */
  readonly uuids: string;
  /** One figure of the host. */
  readonly host: Readonly<Record<'cpus' | 'demandP95Cpus' | 'availableBytes', string>>;
}

type PerVm =
  | 'resizes'
  | 'peakCpus'
  | 'stealP90'
  | 'peakBytes'
  | 'points'
  | 'updates'
  | 'swappingShare'
  | 'starvedShare'
  | 'lowShare'
  | 'cacheBytes';

/** @param range in PromQL syntax: `604800s` */
export function usageQueries(selection: Selection, range: string): UsageQueries {
  const of = (name: SeriesName | typeof RAN | typeof WAITED): string => selector([name], selection);
  const byVm = (vector: string): string => `max by (domain) (${vector})`;
  const over = (vector: string): string => `(${vector})[${range}:${STEP_SECONDS}s]`;
  const demand = `${byVm(of(RAN))} + ${byVm(of(WAITED))}`;
  const vcpus = byVm(of('libvirt_domain_vcpu_current'));
  const used = of('libvirt_domain_memory_stats_used_bytes');
  const usable = byVm(of('libvirt_domain_memory_stats_usable_bytes'));
  const available = byVm(of('libvirt_domain_memory_stats_available_bytes'));
  const swapIn = byVm(`rate(${of('libvirt_domain_memory_stats_swap_in_bytes_total')}[15m])`);
  const swapsMuch = `${swapIn} > bool ${SWAP_IN_BYTES}`;
  const hasLittle = `${usable} / ${available} < bool ${USABLE_ENOUGH}`;
  const changes = (name: SeriesName): string => byVm(`changes(${of(name)}[${range}])`);
  return {
    demand,
    dailyPeak: byVm(`max_over_time(${used}[1d])`),
    perVm: {
      resizes: `${changes('libvirt_domain_vcpu_current')} + ${changes('libvirt_domain_info_maximum_memory_bytes')}`,
      peakCpus: `max_over_time(${over(demand)})`,
      stealP90: `quantile_over_time(0.9, ${over(`${byVm(of(WAITED))} / (${vcpus} > 0)`)})`,
      peakBytes: byVm(`max_over_time(${used}[${range}])`),
      points: `count_over_time(${over(byVm(used))})`,
      updates: changes('libvirt_domain_memory_stats_last_update_timestamp_seconds'),
      swappingShare: `avg_over_time(${over(`${swapIn} > bool 0`)})`,
      // By swapping alone where the guest does not report its usable memory.
      starvedShare: `avg_over_time(${over(`(${swapsMuch}) * (${hasLittle}) or (${swapsMuch})`)})`,
      lowShare: `avg_over_time(${over(`${usable} / ${available} < bool ${USABLE_MIN}`)})`,
      cacheBytes: byVm(
        `quantile_over_time(0.5, ${of('libvirt_domain_memory_stats_disk_caches_bytes')}[${range}])`,
      ),
    },
    uuids: `group by (domain, uuid) (last_over_time(${of('libvirt_domain_info')}[${range}]))`,
    host: {
      cpus: `max(${selector(['libvirt_host_cpus'], selection, 'state="online"')})`,
      demandP95Cpus: `quantile_over_time(0.95, ${over(`sum(${demand})`)})`,
      availableBytes: `min(min_over_time(${of('libvirt_host_memory_available_bytes')}[${range}]))`,
    },
  };
}

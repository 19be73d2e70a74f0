import type { SeriesName } from '../../../model/catalogue/names.ts';

/** Recorded by virtune's rules: the CPU demand of a VM is what it ran and what it waited for a CPU, in CPUs. */
export const RAN = 'domain:virtune_vcpu_time:sum_rate5m';
export const WAITED = 'domain:virtune_vcpu_delay:sum_rate5m';
export const CONTENTION = 'instance:virtune_vcpu_contention:ratio_rate5m';
export const SHORTFALL = 'instance:virtune_vcpu_delay:sum_rate5m';
export const ORDINARY_MEMORY = 'instance:virtune_host_memory_ordinary:bytes';
export const AVAILABLE_MEMORY = 'instance:virtune_host_memory_available:ratio';
export const MAINTENANCE = 'instance:virtune_host_maintenance:last';
export const SWAPPED_IN = 'instance:virtune_host_swapped_in_pages:rate5m';
export const PRESSURE = 'instance:virtune_host_pressure:ratio_rate5m';

/** Exported by virtune, or recorded by its rules. */
type Name = SeriesName | `${string}:virtune_${string}`;

/** What is read about hosts, current values. */
export const HOST_SERIES = [
  'libvirt_host_cpus',
  'libvirt_host_cpus_dedicated',
  'libvirt_host_cpu_info',
  'libvirt_host_memory_bytes',
  'libvirt_storage_pool_info',
  ORDINARY_MEMORY,
  AVAILABLE_MEMORY,
  MAINTENANCE,
  SWAPPED_IN,
  PRESSURE,
] as const satisfies readonly Name[];

/** What is read about VMs, current values. */
export const VM_SERIES = [
  'libvirt_domain_info_state',
  'libvirt_domain_vcpu_current',
  'libvirt_domain_info_maximum_memory_bytes',
  'libvirt_domain_info_memory_usage_bytes',
  'libvirt_domain_memory_stats_rss_bytes',
  'libvirt_domain_hugepages',
  'libvirt_domain_vcpus_pinned',
  'libvirt_domain_features_info',
  'libvirt_domain_tuning_info',
  'libvirt_domain_block_stats_info',
  'libvirt_domain_metadata_info',
  'libvirt_domain_openstack_info',
  'libvirt_domain_persistent',
  'libvirt_domain_autostart',
  'libvirt_domain_autostart_once',
  'libvirt_domain_dirty_rate_bytes_per_second',
  'libvirt_domain_snapshots',
  'libvirt_domain_job_active',
  'virtune_domain_outcome',
] as const satisfies readonly Name[];

export const VM_INFO = 'libvirt_domain_info' satisfies Name;
export const RESIDENT = 'libvirt_domain_memory_stats_rss_bytes' satisfies Name;

/** Matchers of virtune's jobs, and of hosts by `instance`. */
export interface Selection {
  /** Regular expression of the label `job`. */
  readonly job: string;
  /** Absent: all hosts. */
  readonly instances?: readonly string[];
}

export function selector(
  names: readonly string[],
  { job, instances }: Selection,
  ...more: readonly string[]
): string {
  const matchers = [
    names.length === 1 ? `__name__=${quoted(names[0] as string)}` : `__name__=~${quoted(names.join('|'))}`,
    `job=~${quoted(job)}`,
    ...(instances === undefined ? [] : [`instance=~${quoted(instances.map(escaped).join('|'))}`]),
    ...more,
  ];
  return `{${matchers.join(', ')}}`;
}

/** A string literal of PromQL, which uses Go's escapes. */
const quoted = (text: string): string => JSON.stringify(text);

/** A literal text within a regular expression (RE2). */
const escaped = (text: string): string => text.replaceAll(/[\\^$.*+?()[\]{}|]/g, '\\$&');

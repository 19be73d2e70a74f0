import type { SeriesName } from '../../model/catalogue/names.ts';
import { HOST_LABELS, ON_HOST, ON_POOL, ON_VM, select, sumOver } from '../promql.ts';
import type { RuleContext } from './context.ts';
import { ordinaryMemory } from './ordinary-memory.ts';

/** A precomputed series, so that panels and alerts do not evaluate its expression for a thousand hosts. */
export interface RecordingRule {
  /** level:metric:operation, as in Prometheus' naming guide. */
  readonly record: string;
  readonly help: string;
  readonly expr: (context: RuleContext) => string;
}

type Metric = RuleContext['metric'];

/** Per disk or interface, with all labels of its series. */
const deviceRate = (name: SeriesName, { range, metric }: RuleContext): string =>
  sumOver(name, `rate(${metric(name)}[${range('5m')}])`);

/** For a VM with a lower request rate, 5 minutes without requests mean nothing. */
const BUSY_PER_SECOND = 1;

/** Per VM: a handful of series instead of dozens for its vCPUs and disks. */
const ofDomains = [
  {
    record: 'domain:virtune_vcpu_delay:sum_rate5m',
    help: 'CPU steal of the VM in CPUs: seconds per second that its vCPUs were ready but had no CPU.',
    expr: ({ range, metric }) =>
      `sum without (vcpu) (rate(${metric('libvirt_domain_vcpu_delay_seconds_total')}[${range('5m')}]))`,
  },
  {
    record: 'domain:virtune_vcpu_time:sum_rate5m',
    help: 'CPUs that the VM used.',
    expr: ({ range, metric }) =>
      `sum without (vcpu) (rate(${metric('libvirt_domain_vcpu_time_seconds_total')}[${range('5m')}]))`,
  },
  {
    record: 'domain:virtune_vcpu_delay:ratio_rate5m',
    help: 'CPU steal of the VM: delay / wall time, mean over its vCPUs. VMware calls it ready.',
    expr: ({ metric }) =>
      `domain:virtune_vcpu_delay:sum_rate5m / (${metric('libvirt_domain_vcpu_current')} > 0)`,
  },
  {
    record: 'domain:virtune_vcpu_usage:ratio_rate5m',
    help: 'CPU usage of the VM: run / wall time, mean over its vCPUs.',
    expr: ({ metric }) =>
      `domain:virtune_vcpu_time:sum_rate5m / (${metric('libvirt_domain_vcpu_current')} > 0)`,
  },
  {
    record: 'device:virtune_block_requests:rate5m',
    help: 'Reads and writes per second of the disk.',
    expr: (context) =>
      `${deviceRate('libvirt_domain_block_stats_read_requests_total', context)} + ${deviceRate('libvirt_domain_block_stats_write_requests_total', context)}`,
  },
  {
    record: 'device:virtune_block_request_seconds:mean_rate5m',
    help: 'Mean request latency of the disk, reads and writes.',
    expr: (context) =>
      `(${deviceRate('libvirt_domain_block_stats_read_time_seconds_total', context)} + ${deviceRate('libvirt_domain_block_stats_write_time_seconds_total', context)}) / (device:virtune_block_requests:rate5m > 0)`,
  },
  {
    record: 'domain:virtune_block_requests_before_hang:rate5m',
    help: 'Previous requests per second of VMs whose disks were busy, but have completed no request for 5 minutes. Present while the hang lasts.',
    // QEMU counts completed requests. Per VM, not per disk: a data disk may be idle for hours, while the system disk of
    // a running VM is written to every few minutes.
    expr: ({ range, metric }) => {
      const requests = (offset = ''): string =>
        `sum without (target_device) (device:virtune_block_requests:rate5m${offset})`;
      const before = (['10m', '30m'] as const)
        .map((ago) => `${requests(` offset ${range(ago)}`)} > ${BUSY_PER_SECOND}`)
        .join(' and ');
      return `((domain:virtune_block_requests_before_hang:rate5m or (${before})) and ${requests()} == 0) unless ${ON_VM} ${metric('libvirt_domain_info_state', 'state_desc!="running"')}`;
    },
  },
] as const satisfies readonly RecordingRule[];

/**
 * Time in some modes as a fraction of online CPUs. Not of the time in all modes: Linux lets idle and iowait decrease by
 * a tick, which rate() takes for a counter reset, adding hours of idle time to a few minutes.
 */
const shareOfCpus = (modes: string, { range, metric }: RuleContext): string =>
  `sum without (mode) (rate(${metric('libvirt_host_cpu_seconds_total', modes)}[${range('5m')}])) / sum without (state) (${metric('libvirt_host_cpus', 'state="online"')} > 0)`;

export const IN_MAINTENANCE = 'instance:virtune_host_maintenance:last';
export const EVALUATED = 'virtune:rules_evaluated:timestamp';

/** Per host: series of the fleet page. */
const ofHosts = [
  {
    record: IN_MAINTENANCE,
    help: 'Hosts in maintenance; the value is when these rules last saw it, in seconds since 1970. A host that is down or gone stays in maintenance until it is back.',
    // Also after a gap in rule evaluation, such as a WAL replay of Prometheus: then its value in the last evaluation
    // before the gap. When series come by OTLP, or by federation without `up`, only the host's own 0 ends maintenance.
    expr: (context) =>
      `0 * (${context.metric('virtune_host_maintenance')} == 1 or ((last_over_time(${IN_MAINTENANCE}[${context.range('1d')}]) == on () group_left () max(last_over_time(${EVALUATED}[${context.range('1d')}]))) unless ${ON_HOST} (${context.metric('up')} == 1 or ${lately(context, 'virtune_host_maintenance')} == 0))) + time()`,
  },
  {
    record: 'instance:virtune_vcpu_delay:sum_rate5m',
    help: 'CPU shortfall of the host: additional CPUs it would need so that no vCPU waits.',
    expr: () => 'sum without (domain) (domain:virtune_vcpu_delay:sum_rate5m)',
  },
  {
    record: 'instance:virtune_vcpu_time:sum_rate5m',
    help: "CPUs that the host's VMs used.",
    expr: () => 'sum without (domain) (domain:virtune_vcpu_time:sum_rate5m)',
  },
  {
    record: 'instance:virtune_vcpu_contention:ratio_rate5m',
    help: 'CPU contention: share of CPU demand of VMs that was not served, delay / (delay + run).',
    expr: () =>
      'instance:virtune_vcpu_delay:sum_rate5m / (instance:virtune_vcpu_delay:sum_rate5m + instance:virtune_vcpu_time:sum_rate5m > 0)',
  },
  {
    record: 'instance:virtune_host_cpu_busy:ratio_rate5m',
    help: 'CPU utilization of the host: share of time that its CPUs were not idle.',
    expr: (context) => shareOfCpus('mode!~"idle|iowait|guest|guest_nice"', context),
  },
  {
    record: 'instance:virtune_host_cpu_steal:ratio_rate5m',
    help: 'CPU steal of the host, where the host is itself a VM.',
    expr: (context) => shareOfCpus('mode="steal"', context),
  },
  {
    record: 'instance:virtune_host_pressure:ratio_rate5m',
    help: 'Pressure (PSI): share of time that some or all tasks of the host waited for a resource.',
    expr: ({ range, metric }) => `rate(${metric('libvirt_host_pressure_seconds_total')}[${range('5m')}])`,
  },
  {
    record: 'instance:virtune_host_swapped_in_pages:rate5m',
    help: 'Pages per second that the host swapped in.',
    expr: ({ range, metric }) => `rate(${metric('libvirt_host_swapped_in_pages_total')}[${range('5m')}])`,
  },
  {
    record: 'instance:virtune_host_memory_ordinary:bytes',
    help: 'Memory of the host that is not in huge page pools.',
    expr: ({ metric }) => ordinaryMemory('libvirt_host_memory_bytes', metric),
  },
  {
    record: 'instance:virtune_host_memory_available:ratio',
    help: "Available memory (MemAvailable) as a share of the host's memory that is not in huge page pools.",
    expr: ({ metric }) =>
      `${metric('libvirt_host_memory_available_bytes')} / (instance:virtune_host_memory_ordinary:bytes > 0)`,
  },
  {
    record: 'instance:virtune_domains:count',
    help: 'VMs of the host by state.',
    expr: ({ metric }) => `count without (domain) (${metric('libvirt_domain_info_state')})`,
  },
  {
    record: 'instance:virtune_block_requests:rate5m',
    help: 'Reads and writes per second of all VMs of the host.',
    expr: () => 'sum without (domain, target_device) (device:virtune_block_requests:rate5m)',
  },
  {
    record: 'instance:virtune_block_request_seconds:mean_rate5m',
    help: 'Mean request latency over all VMs of the host.',
    expr: () =>
      'sum without (domain, target_device) (device:virtune_block_request_seconds:mean_rate5m * device:virtune_block_requests:rate5m) / (instance:virtune_block_requests:rate5m > 0)',
  },
  {
    record: 'instance:virtune_interface_bytes:rate5m',
    help: "Bytes per second over all interfaces of the host's VMs, both directions.",
    expr: (context) =>
      `sum without (domain, target_device) (${deviceRate('libvirt_domain_interface_stats_receive_bytes_total', context)} + ${deviceRate('libvirt_domain_interface_stats_transmit_bytes_total', context)})`,
  },
] as const satisfies readonly RecordingRule[];

/** Labels that locate the storage of a shared pool. A pool without a server is only known to its host. */
const POOL_SOURCE = '"type", "source_host", "source_dir", "source_device", "source_name"';

/**
 * The pool behind each pool of a host, as the label `pool`, equal for hosts that share it. A pool with a server in its
 * source is shared; any other belongs to its host, whatever its name. If an exporter lacks libvirt_storage_pool_info,
 * pools of equal name and equal size to the byte are considered the same.
 */
function poolIdentity(context: RuleContext): string {
  const info = 'libvirt_storage_pool_info';
  const key = `${HOST_LABELS}, storage_pool`;
  // A single size for a pool that grows while two replicas of Prometheus scrape it.
  const size = `count_values by (${key}) ("size", max by (${key}) (${lately(context, 'libvirt_storage_pool_capacity_bytes')}))`;
  // Current series take precedence: a pool with a new source has both for a while. topk is only a safeguard, so that
  // two replicas that disagree during a scrape do not fail the rule for all pools; it should never have to choose,
  // since its choice is arbitrary.
  return `topk by (${key}) (1, max by (${key}, pool) (${[
    ...[context.metric, (...of: Parameters<RuleContext['metric']>) => lately(context, ...of)].flatMap(
      (at) => [
        `label_join(${at(info, 'source_host!=""')}, "pool", "/", ${POOL_SOURCE})`,
        `label_join(${at(info, 'source_host=""')}, "pool", "/", "job", "instance", "storage_pool")`,
      ],
    ),
    `label_join(${size}, "pool", "/", "storage_pool", "size")`,
  ].join(` or ${ON_POOL} `)}))`;
}

/** Bridges some minutes without scrapes: what is provisioned on the other hosts does not change then. */
const lately = ({ metric, range }: RuleContext, name: SeriesName, ...matchers: readonly string[]): string =>
  `last_over_time(${metric(name, ...matchers)}[${range('15m')}])`;

const ofPools = [
  {
    record: 'pool:virtune_storage_pool_provisioned:ratio',
    help: 'Provisioned size of VM disks in the pool / its capacity; of a shared pool, disks of all hosts that share it.',
    expr: (context) => {
      const identity = poolIdentity(context);
      const own = `${lately(context, 'libvirt_storage_pool_provisioned_bytes')} / (${lately(context, 'libvirt_storage_pool_capacity_bytes')} > 0)`;
      const whole = `sum by (cluster, pool) (max by (${HOST_LABELS}, storage_pool) (${own}) * ${ON_POOL} group_left (pool) ${identity})`;
      return `sum without (pool) (${identity} * on (cluster, pool) group_left () ${whole})`;
    },
  },
] as const satisfies readonly RecordingRule[];

/** Each host once, whatever labels replicas of Prometheus or other scrapes add to its series. */
const once = (vector: string, ...labels: readonly string[]): string =>
  `max by (${[HOST_LABELS, ...labels].join(', ')}) (${vector})`;
/** Capacity excludes hosts in maintenance, but VMs still running there count, since they have to run somewhere. */
const serving = (vector: string): string => `(${once(vector)} unless ${ON_HOST} ${IN_MAINTENANCE})`;

const cpus = (metric: Metric): string => metric('libvirt_host_cpus', 'state="online"');
const ORDINARY = 'instance:virtune_host_memory_ordinary:bytes';
/** Only running: during a migration only one copy of a VM runs, so it counts once. */
const vcpusRunning = (metric: Metric): string => once(metric('libvirt_host_vcpus', 'state="running"'));
/**
 * Maximum memory outside of hugepage pools. A migrating VM has memory on two hosts and counts once. A part that an
 * exporter does not report counts as zero.
 */
const ordinaryAllocated = (metric: Metric): string => {
  const kinds = (pattern: string): string =>
    once(metric('libvirt_host_memory_promised_bytes', `kind=~"${pattern}"`), 'kind');
  return `(${kinds('maximum|migrating_hugepages')} or -${kinds('hugepages|migrating')})`;
};

/**
 * Allocation relative to capacity, now and without the largest host; no value for a fleet of one, or for a resource
 * that no host has and no VM needs. Infinite when VMs need what only one host has.
 */
const ratio = (what: string, of: string): string =>
  `sum by (cluster) (${what}) / (sum by (cluster) (${of}) > 0)`;
const withoutLargest = (what: string, of: string): string =>
  `sum by (cluster) (${what}) / (sum by (cluster) (${of}) - max by (cluster) (${of})) >= 0 and on (cluster) count by (cluster) (${of}) > 1`;

/** Per cluster, by the label of the scrape configuration; without it, for all hosts together. */
const ofClusters = [
  {
    record: 'cluster:virtune_hosts:count',
    help: 'Hosts that report their CPUs.',
    expr: ({ metric }) => `count by (cluster) (${once(cpus(metric))})`,
  },
  {
    record: 'cluster:virtune_hosts_down:count',
    help: 'Hosts that Prometheus cannot scrape, without those in maintenance.',
    expr: ({ metric }) => `sum by (cluster) (${serving(metric('up'))} == bool 0)`,
  },
  {
    record: 'cluster:virtune_domains:count',
    help: 'VMs by state.',
    expr: () => `sum by (cluster, state_desc) (${once('instance:virtune_domains:count', 'state_desc')})`,
  },
  {
    record: 'cluster:virtune_vcpu_overcommit:ratio',
    help: 'vCPU:pCPU ratio: running vCPUs per CPU. vCPUs of paused VMs and CPUs of hosts in maintenance do not count.',
    expr: ({ metric }) => ratio(vcpusRunning(metric), serving(cpus(metric))),
  },
  {
    record: 'cluster:virtune_vcpu_overcommit_after_host_loss:ratio',
    help: 'vCPU:pCPU ratio if the largest host fails and its VMs run on the others.',
    expr: ({ metric }) => withoutLargest(vcpusRunning(metric), serving(cpus(metric))),
  },
  {
    record: 'cluster:virtune_memory_overcommit:ratio',
    help: 'Memory overcommit: maximum memory of running and paused VMs / memory of the hosts, both without huge pages.',
    expr: ({ metric }) => ratio(ordinaryAllocated(metric), serving(ORDINARY)),
  },
  {
    record: 'cluster:virtune_memory_overcommit_after_host_loss:ratio',
    help: 'Memory overcommit if the largest host fails and its VMs run on the others, without huge pages.',
    expr: ({ metric }) => withoutLargest(ordinaryAllocated(metric), serving(ORDINARY)),
  },
  {
    record: 'cluster:virtune_hugepages_after_host_loss:ratio',
    help: 'Memory of VMs on huge pages / pools of the hosts, if the host with the largest pools fails.',
    expr: ({ metric }) => {
      const kinds = (kind: string): string =>
        once(metric('libvirt_host_memory_promised_bytes', `kind="${kind}"`), 'kind');
      return withoutLargest(
        `(${kinds('hugepages')} or -${kinds('migrating_hugepages')})`,
        serving(metric('libvirt_host_memory_bytes', 'kind="hugepages"')),
      );
    },
  },
  {
    record: 'cluster:virtune_vcpu_contention:ratio_rate5m',
    help: 'CPU contention: share of CPU demand of VMs that was not served.',
    expr: () => {
      const delay = `sum by (cluster) (${once('instance:virtune_vcpu_delay:sum_rate5m')})`;
      const run = `sum by (cluster) (${once('instance:virtune_vcpu_time:sum_rate5m')})`;
      return `${delay} / (${delay} + ${run} > 0)`;
    },
  },
  {
    record: 'cluster:virtune_vcpu_delay:topk_ratio_rate5m',
    help: 'CPU steal of the 20 VMs with the most steal in the cluster; spares the fleet page reading all VMs.',
    expr: () => 'topk by (cluster) (20, domain:virtune_vcpu_delay:ratio_rate5m)',
  },
] as const satisfies readonly RecordingRule[];

const ofThemselves = [
  {
    record: EVALUATED,
    help: 'When these rules were last evaluated, in seconds since 1970.',
    // References the series that reads it, so that Prometheus does not evaluate this rule first when it evaluates rules
    // concurrently.
    expr: () => `vector(time()) or on () ${IN_MAINTENANCE}`,
  },
] as const satisfies readonly RecordingRule[];

/**
 * In dependency order: a rule may use those before it. Maintenance also reads the last one, from the previous
 * evaluation.
 */
export const recordingRules = [...ofDomains, ...ofHosts, ...ofPools, ...ofClusters, ...ofThemselves] as const;

export type RecordedName = (typeof recordingRules)[number]['record'];

/** A selector of a recorded series; the type rejects unknown names. */
export function recordedSeries(name: RecordedName, ...matchers: readonly string[]): string {
  return select(name, matchers);
}

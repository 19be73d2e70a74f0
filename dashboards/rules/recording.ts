import { metric, select } from '../promql.ts';
import type { RecordingRule } from './rule.ts';

const ONLINE = metric('libvirt_host_cpus', 'state="online"');
const TOTAL = metric('libvirt_host_memory_bytes', 'kind="total"');

/** Per VM: a handful of series where its vCPUs and disks have dozens. */
const ofDomains = [
  {
    record: 'domain:virtune_vcpu_delay:sum_rate5m',
    help: 'CPU steal of the VM in CPUs: seconds per second that its vCPUs were ready but had no CPU.',
    expr: ({ range }) =>
      `sum without (vcpu) (rate(${metric('libvirt_domain_vcpu_delay_seconds_total')}[${range('5m')}]))`,
  },
  {
    record: 'domain:virtune_vcpu_time:sum_rate5m',
    help: 'CPUs that the VM used.',
    expr: ({ range }) =>
      `sum without (vcpu) (rate(${metric('libvirt_domain_vcpu_time_seconds_total')}[${range('5m')}]))`,
  },
  {
    record: 'domain:virtune_vcpu_delay:ratio_rate5m',
    help: 'CPU steal of the VM: delay / wall time, mean over its vCPUs. VMware calls it ready.',
    expr: () => `domain:virtune_vcpu_delay:sum_rate5m / (${metric('libvirt_domain_vcpu_current')} > 0)`,
  },
  {
    record: 'domain:virtune_vcpu_usage:ratio_rate5m',
    help: 'CPU usage of the VM: run / wall time, mean over its vCPUs.',
    expr: () => `domain:virtune_vcpu_time:sum_rate5m / (${metric('libvirt_domain_vcpu_current')} > 0)`,
  },
  {
    record: 'device:virtune_block_requests:rate5m',
    help: 'Reads and writes per second of the disk.',
    expr: ({ range }) =>
      `rate(${metric('libvirt_domain_block_stats_read_requests_total')}[${range('5m')}]) + rate(${metric('libvirt_domain_block_stats_write_requests_total')}[${range('5m')}])`,
  },
  {
    record: 'device:virtune_block_request_seconds:mean_rate5m',
    help: 'Mean request latency of the disk, reads and writes.',
    expr: ({ range }) =>
      `(rate(${metric('libvirt_domain_block_stats_read_time_seconds_total')}[${range('5m')}]) + rate(${metric('libvirt_domain_block_stats_write_time_seconds_total')}[${range('5m')}])) / (device:virtune_block_requests:rate5m > 0)`,
  },
] as const satisfies readonly RecordingRule[];

/** Per host: what the fleet page shows. */
const ofHosts = [
  {
    record: 'instance:virtune_vcpu_delay:sum_rate5m',
    help: 'CPUs short on the host: how many more CPUs it needs for no VM to wait.',
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
    expr: ({ range }) =>
      `1 - sum without (mode) (rate(${metric('libvirt_host_cpu_seconds_total', 'mode=~"idle|iowait"')}[${range('5m')}])) / sum without (mode) (rate(${metric('libvirt_host_cpu_seconds_total', 'mode!~"guest|guest_nice"')}[${range('5m')}]))`,
  },
  {
    record: 'instance:virtune_host_cpu_steal:ratio_rate5m',
    help: 'CPU steal of the host, where the host is itself a VM.',
    expr: ({ range }) =>
      `sum without (mode) (rate(${metric('libvirt_host_cpu_seconds_total', 'mode="steal"')}[${range('5m')}])) / sum without (mode) (rate(${metric('libvirt_host_cpu_seconds_total', 'mode!~"guest|guest_nice"')}[${range('5m')}]))`,
  },
  {
    record: 'instance:virtune_host_pressure:ratio_rate5m',
    help: 'Pressure (PSI): share of time that some or all tasks of the host waited for a resource.',
    expr: ({ range }) => `rate(${metric('libvirt_host_pressure_seconds_total')}[${range('5m')}])`,
  },
  {
    record: 'instance:virtune_host_swapped_in_pages:rate5m',
    help: 'Pages per second that the host swapped in.',
    expr: ({ range }) => `rate(${metric('libvirt_host_swapped_in_pages_total')}[${range('5m')}])`,
  },
  {
    record: 'instance:virtune_host_memory_available:ratio',
    help: "Available memory (MemAvailable) as a share of the host's memory.",
    expr: () => `${metric('libvirt_host_memory_available_bytes')} / sum without (kind) (${TOTAL})`,
  },
  {
    record: 'instance:virtune_domains:count',
    help: 'VMs of the host by state.',
    expr: () => `count without (domain) (${metric('libvirt_domain_info_state')})`,
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
    expr: ({ range }) =>
      `sum without (domain, target_device) (rate(${metric('libvirt_domain_interface_stats_receive_bytes_total')}[${range('5m')}]) + rate(${metric('libvirt_domain_interface_stats_transmit_bytes_total')}[${range('5m')}]))`,
  },
] as const satisfies readonly RecordingRule[];

const MAXIMUM_MEMORY = metric('libvirt_host_memory_promised_bytes', 'kind="maximum"');
const MIGRATING_MEMORY = metric('libvirt_host_memory_promised_bytes', 'kind="migrating"');
/** A VM that migrates has memory on two hosts and counts once; an exporter that does not export the part counts all. */
const ALLOCATED_MEMORY = `(${MAXIMUM_MEMORY} - ignoring (kind) ${MIGRATING_MEMORY} or ignoring (kind) ${MAXIMUM_MEMORY})`;
const RUNNING = metric('libvirt_host_vcpus', 'state="running"');

/** Allocated against capacity, now and without the largest host; no value for a fleet of one. */
const ratio = (what: string, of: string): string => `sum by (cluster) (${what}) / sum by (cluster) (${of})`;
const withoutLargest = (what: string, of: string): string =>
  `sum by (cluster) (${what}) / (sum by (cluster) (${of}) - max by (cluster) (${of}) > 0)`;

/** Per cluster, by the label of the scrape configuration; without that label, all hosts together. */
const ofClusters = [
  {
    record: 'cluster:virtune_hosts:count',
    help: 'Hosts that report their CPUs.',
    expr: () => `count by (cluster) (${ONLINE})`,
  },
  {
    record: 'cluster:virtune_vcpu_overcommit:ratio',
    help: 'vCPU:pCPU ratio: running vCPUs per CPU. vCPUs of paused VMs do not count.',
    expr: () => ratio(RUNNING, ONLINE),
  },
  {
    record: 'cluster:virtune_vcpu_overcommit_after_host_loss:ratio',
    help: 'vCPU:pCPU ratio if the largest host fails and its VMs run on the others.',
    expr: () => withoutLargest(RUNNING, ONLINE),
  },
  {
    record: 'cluster:virtune_memory_overcommit:ratio',
    help: 'Memory overcommit: maximum memory of running and paused VMs / memory of the hosts.',
    expr: () => ratio(ALLOCATED_MEMORY, TOTAL),
  },
  {
    record: 'cluster:virtune_memory_overcommit_after_host_loss:ratio',
    help: 'Memory overcommit if the largest host fails and its VMs run on the others.',
    expr: () => withoutLargest(ALLOCATED_MEMORY, TOTAL),
  },
  {
    record: 'cluster:virtune_vcpu_contention:ratio_rate5m',
    help: 'CPU contention: share of CPU demand of VMs that was not served.',
    expr: () =>
      'sum by (cluster) (instance:virtune_vcpu_delay:sum_rate5m) / (sum by (cluster) (instance:virtune_vcpu_delay:sum_rate5m) + sum by (cluster) (instance:virtune_vcpu_time:sum_rate5m) > 0)',
  },
] as const satisfies readonly RecordingRule[];

/** In this order: a rule may use those before it. */
export const recordingRules = [...ofDomains, ...ofHosts, ...ofClusters] as const;

export type RecordedName = (typeof recordingRules)[number]['record'];

/** A selector of a recorded series; a name that no rule records does not compile. */
export function recorded(name: RecordedName, ...matchers: readonly string[]): string {
  return select(name, matchers);
}

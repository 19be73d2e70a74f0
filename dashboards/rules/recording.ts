import { metric, select } from '../promql.ts';
import type { RecordingRule } from './rule.ts';

const ONLINE = metric('libvirt_host_cpus', 'state="online"');
const TOTAL = metric('libvirt_host_memory_bytes', 'kind="total"');

/** Of each VM: a handful of series where its vCPUs and disks have dozens. */
const ofDomains = [
  {
    record: 'domain:virtune_vcpu_delay:sum_rate5m',
    help: 'CPUs that the VM wanted and did not get.',
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
    help: "Share of the time that each of the VM's vCPUs waited for a CPU, on average: the guest's steal, VMware's ready.",
    expr: () => `domain:virtune_vcpu_delay:sum_rate5m / (${metric('libvirt_domain_vcpu_current')} > 0)`,
  },
  {
    record: 'domain:virtune_vcpu_usage:ratio_rate5m',
    help: "Share of the time that each of the VM's vCPUs ran, on average.",
    expr: () => `domain:virtune_vcpu_time:sum_rate5m / (${metric('libvirt_domain_vcpu_current')} > 0)`,
  },
  {
    record: 'device:virtune_block_requests:rate5m',
    help: 'Reads and writes a second of the disk.',
    expr: ({ range }) =>
      `rate(${metric('libvirt_domain_block_stats_read_requests_total')}[${range('5m')}]) + rate(${metric('libvirt_domain_block_stats_write_requests_total')}[${range('5m')}])`,
  },
  {
    record: 'device:virtune_block_request_seconds:mean_rate5m',
    help: 'Time that a read or a write of the disk took, on average.',
    expr: ({ range }) =>
      `(rate(${metric('libvirt_domain_block_stats_read_time_seconds_total')}[${range('5m')}]) + rate(${metric('libvirt_domain_block_stats_write_time_seconds_total')}[${range('5m')}])) / (device:virtune_block_requests:rate5m > 0)`,
  },
] as const satisfies readonly RecordingRule[];

/** Of each host: what a fleet is looked at by. */
const ofHosts = [
  {
    record: 'instance:virtune_vcpu_delay:sum_rate5m',
    help: 'CPUs that were missing on the host.',
    expr: () => 'sum without (domain) (domain:virtune_vcpu_delay:sum_rate5m)',
  },
  {
    record: 'instance:virtune_vcpu_time:sum_rate5m',
    help: "CPUs that the host's VMs used.",
    expr: () => 'sum without (domain) (domain:virtune_vcpu_time:sum_rate5m)',
  },
  {
    record: 'instance:virtune_vcpu_contention:ratio_rate5m',
    help: 'Share of the CPU time that VMs wanted and did not get: delay / (delay + run).',
    expr: () =>
      'instance:virtune_vcpu_delay:sum_rate5m / (instance:virtune_vcpu_delay:sum_rate5m + instance:virtune_vcpu_time:sum_rate5m > 0)',
  },
  {
    record: 'instance:virtune_host_cpu_busy:ratio_rate5m',
    help: "Share of the time that the host's CPUs were not idle.",
    expr: ({ range }) =>
      `1 - sum without (mode) (rate(${metric('libvirt_host_cpu_seconds_total', 'mode=~"idle|iowait"')}[${range('5m')}])) / sum without (mode) (rate(${metric('libvirt_host_cpu_seconds_total', 'mode!~"guest|guest_nice"')}[${range('5m')}]))`,
  },
  {
    record: 'instance:virtune_host_cpu_steal:ratio_rate5m',
    help: 'Share of the time that a hypervisor below the host took from it.',
    expr: ({ range }) =>
      `sum without (mode) (rate(${metric('libvirt_host_cpu_seconds_total', 'mode="steal"')}[${range('5m')}])) / sum without (mode) (rate(${metric('libvirt_host_cpu_seconds_total', 'mode!~"guest|guest_nice"')}[${range('5m')}]))`,
  },
  {
    record: 'instance:virtune_host_pressure:ratio_rate5m',
    help: 'Share of the time that some or all tasks of the host waited for a resource.',
    expr: ({ range }) => `rate(${metric('libvirt_host_pressure_seconds_total')}[${range('5m')}])`,
  },
  {
    record: 'instance:virtune_host_swapped_in_pages:rate5m',
    help: 'Pages a second that the host read back from swap.',
    expr: ({ range }) => `rate(${metric('libvirt_host_swapped_in_pages_total')}[${range('5m')}])`,
  },
  {
    record: 'instance:virtune_host_memory_available:ratio',
    help: 'Share of its memory that the host could give without swapping.',
    expr: () => `${metric('libvirt_host_memory_available_bytes')} / sum without (kind) (${TOTAL})`,
  },
  {
    record: 'instance:virtune_domains:count',
    help: 'VMs of the host by state.',
    expr: () => `count without (domain) (${metric('libvirt_domain_info_state')})`,
  },
  {
    record: 'instance:virtune_block_requests:rate5m',
    help: "Reads and writes a second of all the host's VMs.",
    expr: () => 'sum without (domain, target_device) (device:virtune_block_requests:rate5m)',
  },
  {
    record: 'instance:virtune_block_request_seconds:mean_rate5m',
    help: "Time that a read or a write of the host's VMs took, on average.",
    expr: () =>
      'sum without (domain, target_device) (device:virtune_block_request_seconds:mean_rate5m * device:virtune_block_requests:rate5m) / (instance:virtune_block_requests:rate5m > 0)',
  },
  {
    record: 'instance:virtune_interface_bytes:rate5m',
    help: "Bytes a second over all interfaces of the host's VMs, both ways.",
    expr: ({ range }) =>
      `sum without (domain, target_device) (rate(${metric('libvirt_domain_interface_stats_receive_bytes_total')}[${range('5m')}]) + rate(${metric('libvirt_domain_interface_stats_transmit_bytes_total')}[${range('5m')}]))`,
  },
] as const satisfies readonly RecordingRule[];

const MAXIMUM_MEMORY = metric('libvirt_host_memory_promised_bytes', 'kind="maximum"');
const MIGRATING_MEMORY = metric('libvirt_host_memory_promised_bytes', 'kind="migrating"');
/** A VM that migrates has memory on two hosts and counts once; an exporter that does not export the part counts all. */
const PROMISED_MEMORY = `(${MAXIMUM_MEMORY} - ignoring (kind) ${MIGRATING_MEMORY} or ignoring (kind) ${MAXIMUM_MEMORY})`;
const RUNNING = metric('libvirt_host_vcpus', 'state="running"');

/** What a fleet has, and what is left of it when its largest host is gone; nothing for a fleet of one. */
const promised = (what: string, of: string): string =>
  `sum by (cluster) (${what}) / sum by (cluster) (${of})`;
const withoutLargest = (what: string, of: string): string =>
  `sum by (cluster) (${what}) / (sum by (cluster) (${of}) - max by (cluster) (${of}) > 0)`;

/** Of each cluster, by the label that the scrape configuration gives; without it, of all hosts together. */
const ofClusters = [
  {
    record: 'cluster:virtune_hosts:count',
    help: 'Hosts that tell their CPUs.',
    expr: () => `count by (cluster) (${ONLINE})`,
  },
  {
    record: 'cluster:virtune_vcpu_overcommit:ratio',
    help: 'vCPUs that run for each CPU; those of paused VMs do not.',
    expr: () => promised(RUNNING, ONLINE),
  },
  {
    record: 'cluster:virtune_vcpu_overcommit_after_host_loss:ratio',
    help: 'vCPUs for each CPU once the largest host is gone and its VMs run on the others.',
    expr: () => withoutLargest(RUNNING, ONLINE),
  },
  {
    record: 'cluster:virtune_memory_overcommit:ratio',
    help: "The most that running and paused VMs may have, as a share of the hosts' memory.",
    expr: () => promised(PROMISED_MEMORY, TOTAL),
  },
  {
    record: 'cluster:virtune_memory_overcommit_after_host_loss:ratio',
    help: 'The same once the largest host is gone and its VMs run on the others.',
    expr: () => withoutLargest(PROMISED_MEMORY, TOTAL),
  },
  {
    record: 'cluster:virtune_vcpu_contention:ratio_rate5m',
    help: 'Share of the CPU time that VMs wanted and did not get.',
    expr: () =>
      'sum by (cluster) (instance:virtune_vcpu_delay:sum_rate5m) / (sum by (cluster) (instance:virtune_vcpu_delay:sum_rate5m) + sum by (cluster) (instance:virtune_vcpu_time:sum_rate5m) > 0)',
  },
] as const satisfies readonly RecordingRule[];

/** In this order: each may stand on those before it. */
export const recordingRules = [...ofDomains, ...ofHosts, ...ofClusters] as const;

export type RecordedName = (typeof recordingRules)[number]['record'];

/** A selector of a recorded series; a name that no rule records does not compile. */
export function recorded(name: RecordedName, ...matchers: readonly string[]): string {
  return select(name, matchers);
}

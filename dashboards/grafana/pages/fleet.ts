import { limitsOf } from '../limits.ts';
import { rowToHost, rowToVm, seriesToHost } from '../links.ts';
import { type Page, page } from '../page.ts';
import { figure, graph } from '../panels.ts';
import { of } from '../query.ts';
import { rows } from '../table.ts';

const CPUS = of('libvirt_host_cpus', 'state="online"');
const VCPUS = of('libvirt_host_vcpus', 'state="running"');
const MEMORY = of('libvirt_host_memory_bytes', 'kind="total"');
const MAXIMUM = of('libvirt_host_memory_promised_bytes', 'kind="maximum"');
const MIGRATING = of('libvirt_host_memory_promised_bytes', 'kind="migrating"');
/** As the recording rules have it: a VM that migrates counts once. */
const PROMISED = `(${MAXIMUM} - ignoring (kind) ${MIGRATING} or ignoring (kind) ${MAXIMUM})`;
const DELAY = of('instance:virtune_vcpu_delay:sum_rate5m');
const USED = of('instance:virtune_vcpu_time:sum_rate5m');
const CONTENTION = of('instance:virtune_vcpu_contention:ratio_rate5m');
const VCPU_RATIO = of('libvirt_host_vcpu_overcommit_ratio', 'state="running"');
const MEMORY_RATIO = of('libvirt_host_memory_overcommit_ratio', 'kind="maximum"');
const VCPU_DELAY = of('domain:virtune_vcpu_delay:ratio_rate5m');
/** Of virtune's own jobs, whatever other jobs Prometheus has. */
const UP = `(${of('up')} and on (job) count by (job) (last_over_time(${of('virtune_connections')}[1h])))`;

const byContention = () => limitsOf('green', ['red', 'HostVcpuOvercommitHarmful', 'contention']);
const byVcpuRatio = () => limitsOf('green', ['orange', 'HostVcpuOvercommitHigh', 'ratio']);
const byMemoryRatio = () => limitsOf('green', ['orange', 'HostMemoryOvercommitHigh', 'ratio']);
const byDelay = () =>
  limitsOf('green', ['orange', 'DomainVcpuDelayHigh', 'delay'], ['red', 'DomainVcpuDelayCritical', 'delay']);

/** One host or a thousand: only series of whole hosts, and the few VMs that are worst off. */
export function fleetPage(): Page {
  return page({
    name: 'fleet',
    title: 'KVM fleet: overcommit, and whether it hurts',
    help: 'What is promised to VMs against what hosts have, how long vCPUs wait because of it, and what is left when a host is lost.',
    rows: [
      {
        title: 'Overcommitted?',
        panels: [
          hosts(),
          hostsDown(),
          vms(),
          vcpuRatio(),
          vcpuRatioAfterLoss(),
          memoryRatio(),
          memoryRatioAfterLoss(),
          contention(),
        ],
      },
      {
        title: 'Where it hurts',
        panels: [contentionByHost(), missingCpusByHost(), vcpuRatioByHost(), memoryByHost()],
      },
      { title: 'Whom', panels: [worstVms(), allHosts()] },
      { title: 'Who does not answer', panels: [silentHosts(), silentVms()] },
    ],
  });
}

const hosts = () =>
  figure({
    title: 'Hosts',
    help: 'Hosts that tell their CPUs now.',
    unit: 'none',
    queries: [{ expr: `count(${CPUS})` }],
  });

const hostsDown = () =>
  figure({
    title: 'Hosts not scraped',
    help: 'Targets of virtune that Prometheus cannot scrape: of their VMs nothing is known.',
    unit: 'none',
    queries: [{ expr: `sum(1 - ${UP})` }],
  });

const vms = () =>
  figure({
    title: 'VMs running',
    help: 'VMs in state running.',
    unit: 'none',
    queries: [{ expr: `sum(${of('instance:virtune_domains:count', 'state_desc="running"')})` }],
  });

const vcpuRatio = () =>
  figure({
    title: 'vCPUs a CPU',
    help: 'vCPUs of VMs that run, for each CPU that is online. VMs that are shut off do not count.',
    unit: 'short',
    queries: [{ expr: `sum(${VCPUS}) / sum(${CPUS})` }],
    limits: byVcpuRatio(),
  });

const vcpuRatioAfterLoss = () =>
  figure({
    title: 'vCPUs a CPU, N-1',
    help: 'The same once the largest host is gone and its VMs run on the others. Nothing for a single host.',
    unit: 'short',
    queries: [{ expr: `sum(${VCPUS}) / (sum(${CPUS}) - max(${CPUS}) > 0)` }],
    limits: limitsOf('green', ['red', 'FleetCannotTolerateHostLossCpu', 'ratio']),
    nothing: 'one host',
  });

const memoryRatio = () =>
  figure({
    title: 'Memory promised',
    help: "The most that running VMs may have, as a share of the hosts' memory.",
    unit: 'percentunit',
    queries: [{ expr: `sum(${PROMISED}) / sum(${MEMORY})` }],
    limits: byMemoryRatio(),
  });

const memoryRatioAfterLoss = () =>
  figure({
    title: 'Memory promised, N-1',
    help: 'The same once the largest host is gone: above 100 % not all VMs could start again. Nothing for a single host.',
    unit: 'percentunit',
    queries: [{ expr: `sum(${PROMISED}) / (sum(${MEMORY}) - max(${MEMORY}) > 0)` }],
    limits: limitsOf('green', ['red', 'FleetCannotTolerateHostLossMemory', 'ratio']),
    nothing: 'one host',
  });

const contention = () =>
  figure({
    title: 'CPU time not given',
    help: 'Share of the CPU time that vCPUs wanted and did not get, over 5 minutes: the harm that a ratio only hints at.',
    unit: 'percentunit',
    queries: [{ expr: `sum(${DELAY}) / (sum(${DELAY}) + sum(${USED}) > 0)` }],
    limits: byContention(),
  });

const contentionByHost = () =>
  graph({
    title: 'CPU time not given, by host',
    help: 'The ten hosts whose VMs wait most: delay / (delay + run) over 5 minutes.',
    unit: 'percentunit',
    queries: [{ expr: `topk(10, ${CONTENTION})`, legend: '{{instance}}' }],
    limits: byContention(),
    links: [seriesToHost()],
  });

const missingCpusByHost = () =>
  graph({
    title: 'CPUs missing, by host',
    help: 'How many CPUs more each host would need for nobody to wait; the ten that need most.',
    unit: 'short',
    queries: [{ expr: `topk(10, ${DELAY})`, legend: '{{instance}}' }],
    links: [seriesToHost()],
  });

const vcpuRatioByHost = () =>
  graph({
    title: 'vCPUs a CPU, by host',
    help: 'vCPUs that run for each CPU online; the ten hosts with most.',
    unit: 'short',
    queries: [{ expr: `topk(10, ${VCPU_RATIO})`, legend: '{{instance}}' }],
    limits: byVcpuRatio(),
    links: [seriesToHost()],
  });

const memoryByHost = () =>
  graph({
    title: 'Memory promised, by host',
    help: "The most that running VMs may have, as a share of the host's memory; the ten hosts with most.",
    unit: 'percentunit',
    queries: [{ expr: `topk(10, ${MEMORY_RATIO})`, legend: '{{instance}}' }],
    limits: byMemoryRatio(),
    links: [seriesToHost()],
  });

const worstVms = () =>
  rows({
    title: 'VMs that wait most',
    help: 'The 20 VMs whose vCPUs wait longest for a CPU, on average over 5 minutes, and how much they use beside it.',
    labels: ['domain', 'instance'],
    columns: [
      {
        title: 'waits',
        expr: `topk(20, ${VCPU_DELAY})`,
        unit: 'percentunit',
        limits: byDelay().build(),
      },
      {
        title: 'runs',
        expr: `${of('domain:virtune_vcpu_usage:ratio_rate5m')} and topk(20, ${VCPU_DELAY})`,
        unit: 'percentunit',
      },
      {
        title: 'CPUs missing',
        expr: `${of('domain:virtune_vcpu_delay:sum_rate5m')} and topk(20, ${VCPU_DELAY})`,
        unit: 'short',
      },
    ],
    links: { domain: rowToVm(), instance: rowToHost() },
    span: 10,
    height: 12,
  });

const allHosts = () =>
  rows({
    title: 'Hosts',
    help: 'Each host: what is promised, what is used, what is left, and whether VMs wait.',
    labels: ['instance'],
    columns: [
      { title: 'VMs', expr: of('instance:virtune_domains:count', 'state_desc="running"'), unit: 'none' },
      { title: 'vCPUs a CPU', expr: VCPU_RATIO, unit: 'short', limits: byVcpuRatio().build() },
      { title: 'not given', expr: CONTENTION, unit: 'percentunit', limits: byContention().build() },
      {
        title: 'CPU busy',
        expr: of('instance:virtune_host_cpu_busy:ratio_rate5m'),
        unit: 'percentunit',
        limits: limitsOf('green', ['orange', 'HostCpuSaturated', 'busy']).build(),
      },
      { title: 'promised', expr: MEMORY_RATIO, unit: 'percentunit', limits: byMemoryRatio().build() },
      { title: 'available', expr: of('instance:virtune_host_memory_available:ratio'), unit: 'percentunit' },
      {
        title: 'I/O mean',
        expr: of('instance:virtune_block_request_seconds:mean_rate5m'),
        unit: 's',
        limits: limitsOf('green', ['orange', 'DiskLatencyHigh', 'seconds']).build(),
      },
    ],
    links: { instance: rowToHost() },
    span: 14,
    height: 12,
  });

const silentHosts = () =>
  rows({
    title: 'Hosts that do not answer',
    help: 'Targets that Prometheus cannot scrape, or whose libvirt does not answer virtune: 0 for what fails.',
    labels: ['instance'],
    columns: [
      { title: 'scraped', expr: `${UP} == 0`, unit: 'none' },
      { title: 'libvirt answers', expr: `${of('libvirt_up')} == 0`, unit: 'none' },
    ],
    links: { instance: rowToHost() },
    span: 12,
    height: 7,
  });

const silentVms = () =>
  rows({
    title: 'VMs that do not answer',
    help: 'Whose QEMU has not answered libvirt, and for how long.',
    labels: ['domain', 'instance'],
    columns: [
      {
        title: 'for',
        expr: `time() - ${of('virtune_domain_unresponsive_since_timestamp_seconds')}`,
        unit: 's',
      },
    ],
    links: { domain: rowToVm(), instance: rowToHost() },
    span: 12,
    height: 7,
  });

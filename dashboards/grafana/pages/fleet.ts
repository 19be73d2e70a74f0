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
/** As in the recording rules: a VM that migrates counts once. */
const ALLOCATED = `(${MAXIMUM} - ignoring (kind) ${MIGRATING} or ignoring (kind) ${MAXIMUM})`;
const DELAY = of('instance:virtune_vcpu_delay:sum_rate5m');
const USED = of('instance:virtune_vcpu_time:sum_rate5m');
const CONTENTION = of('instance:virtune_vcpu_contention:ratio_rate5m');
const VCPU_RATIO = of('libvirt_host_vcpu_overcommit_ratio', 'state="running"');
const MEMORY_RATIO = of('libvirt_host_memory_overcommit_ratio', 'kind="maximum"');
const STEAL = of('domain:virtune_vcpu_delay:ratio_rate5m');
/** Of virtune's own jobs, whatever other jobs Prometheus has. */
const UP = `(${of('up')} and on (job) count by (job) (last_over_time(${of('virtune_connections')}[1h])))`;

const byContention = () => limitsOf('green', ['red', 'HostCpuContentionHigh', 'contention']);
const byVcpuRatio = () => limitsOf('green', ['orange', 'HostVcpuOvercommitHigh', 'ratio']);
const byMemoryRatio = () => limitsOf('green', ['orange', 'HostMemoryOvercommitHigh', 'ratio']);
const bySteal = () =>
  limitsOf('green', ['orange', 'DomainCpuStealHigh', 'steal'], ['red', 'DomainCpuStealCritical', 'steal']);

/** One host or a thousand: only series of whole hosts, and the few VMs with most steal. */
export function fleetPage(): Page {
  return page({
    name: 'fleet',
    title: 'KVM fleet: overcommit and contention',
    help: 'CPU and memory overcommit of the fleet, the contention it causes, and what remains if the largest host fails.',
    rows: [
      {
        title: 'Overview',
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
        title: 'By host',
        panels: [contentionByHost(), cpuShortfallByHost(), vcpuRatioByHost(), memoryByHost()],
      },
      { title: 'VMs and hosts', panels: [stealingVms(), allHosts()] },
      { title: 'Not responding', panels: [silentHosts(), silentVms()] },
    ],
  });
}

const hosts = () =>
  figure({
    title: 'Hosts',
    help: 'Hosts that report their CPUs now.',
    unit: 'none',
    queries: [{ expr: `count(${CPUS})` }],
  });

const hostsDown = () =>
  figure({
    title: 'Hosts not scraped',
    help: 'virtune targets that Prometheus cannot scrape. Their VMs are not monitored.',
    unit: 'none',
    queries: [{ expr: `sum(1 - ${UP})` }],
  });

const vms = () =>
  figure({
    title: 'Running VMs',
    help: 'VMs in state running.',
    unit: 'none',
    queries: [{ expr: `sum(${of('instance:virtune_domains:count', 'state_desc="running"')})` }],
  });

const vcpuRatio = () =>
  figure({
    title: 'vCPU:pCPU ratio',
    help: 'Running vCPUs per online CPU. VMs that are paused or shut off do not count.',
    unit: 'short',
    queries: [{ expr: `sum(${VCPUS}) / sum(${CPUS})` }],
    limits: byVcpuRatio(),
  });

const vcpuRatioAfterLoss = () =>
  figure({
    title: 'vCPU:pCPU ratio, N-1',
    help: 'vCPU:pCPU ratio if the largest host fails and its VMs run on the others. No value for a single host.',
    unit: 'short',
    queries: [{ expr: `sum(${VCPUS}) / (sum(${CPUS}) - max(${CPUS}) > 0)` }],
    limits: limitsOf('green', ['red', 'FleetCannotTolerateHostLossCpu', 'ratio']),
    nothing: 'one host',
  });

const memoryRatio = () =>
  figure({
    title: 'Memory overcommit',
    help: 'Maximum memory of running and paused VMs / memory of the hosts.',
    unit: 'percentunit',
    queries: [{ expr: `sum(${ALLOCATED}) / sum(${MEMORY})` }],
    limits: byMemoryRatio(),
  });

const memoryRatioAfterLoss = () =>
  figure({
    title: 'Memory overcommit, N-1',
    help: 'Memory overcommit if the largest host fails. Above 100 %, not all VMs can restart. No value for a single host.',
    unit: 'percentunit',
    queries: [{ expr: `sum(${ALLOCATED}) / (sum(${MEMORY}) - max(${MEMORY}) > 0)` }],
    limits: limitsOf('green', ['red', 'FleetCannotTolerateHostLossMemory', 'ratio']),
    nothing: 'one host',
  });

const contention = () =>
  figure({
    title: 'CPU contention',
    help: '% of CPU demand not served: delay / (delay + run) over all VMs, 5 minutes.',
    unit: 'percentunit',
    queries: [{ expr: `sum(${DELAY}) / (sum(${DELAY}) + sum(${USED}) > 0)` }],
    limits: byContention(),
  });

const contentionByHost = () =>
  graph({
    title: 'CPU contention by host',
    help: '% of CPU demand not served: delay / (delay + run), 5 minutes. The ten hosts with the highest values.',
    unit: 'percentunit',
    queries: [{ expr: `topk(10, ${CONTENTION})`, legend: '{{instance}}' }],
    limits: byContention(),
    links: [seriesToHost()],
  });

const cpuShortfallByHost = () =>
  graph({
    title: 'CPU shortfall by host',
    help: 'How many more CPUs each host needs for no vCPU to wait. The ten hosts with the highest values.',
    unit: 'short',
    queries: [{ expr: `topk(10, ${DELAY})`, legend: '{{instance}}' }],
    links: [seriesToHost()],
  });

const vcpuRatioByHost = () =>
  graph({
    title: 'vCPU:pCPU ratio by host',
    help: 'Running vCPUs per online CPU. The ten hosts with the highest values.',
    unit: 'short',
    queries: [{ expr: `topk(10, ${VCPU_RATIO})`, legend: '{{instance}}' }],
    limits: byVcpuRatio(),
    links: [seriesToHost()],
  });

const memoryByHost = () =>
  graph({
    title: 'Memory overcommit by host',
    help: 'Maximum memory of running and paused VMs / memory of the host. The ten hosts with the highest values.',
    unit: 'percentunit',
    queries: [{ expr: `topk(10, ${MEMORY_RATIO})`, legend: '{{instance}}' }],
    limits: byMemoryRatio(),
    links: [seriesToHost()],
  });

const stealingVms = () =>
  rows({
    title: 'VMs with most CPU steal',
    help: 'The 20 VMs with the highest CPU steal (delay / wall time per vCPU, 5 minutes), and their CPU usage.',
    labels: ['domain', 'instance'],
    columns: [
      {
        title: 'steal',
        expr: `topk(20, ${STEAL})`,
        unit: 'percentunit',
        limits: bySteal().build(),
      },
      {
        title: 'usage',
        expr: `${of('domain:virtune_vcpu_usage:ratio_rate5m')} and topk(20, ${STEAL})`,
        unit: 'percentunit',
      },
      {
        title: 'CPUs short',
        expr: `${of('domain:virtune_vcpu_delay:sum_rate5m')} and topk(20, ${STEAL})`,
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
    help: 'Per host: overcommit, contention, utilization, available memory and request latency.',
    labels: ['instance'],
    columns: [
      { title: 'VMs', expr: of('instance:virtune_domains:count', 'state_desc="running"'), unit: 'none' },
      { title: 'vCPU:pCPU ratio', expr: VCPU_RATIO, unit: 'short', limits: byVcpuRatio().build() },
      { title: 'contention', expr: CONTENTION, unit: 'percentunit', limits: byContention().build() },
      {
        title: 'CPU busy',
        expr: of('instance:virtune_host_cpu_busy:ratio_rate5m'),
        unit: 'percentunit',
        limits: limitsOf('green', ['orange', 'HostCpuSaturated', 'busy']).build(),
      },
      {
        title: 'memory overcommit',
        expr: MEMORY_RATIO,
        unit: 'percentunit',
        limits: byMemoryRatio().build(),
      },
      {
        title: 'memory available',
        expr: of('instance:virtune_host_memory_available:ratio'),
        unit: 'percentunit',
      },
      {
        title: 'request latency',
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
    title: 'Hosts not responding',
    help: 'Targets that Prometheus cannot scrape, or whose libvirt does not answer virtune. 0 means failed.',
    labels: ['instance'],
    columns: [
      { title: 'scraped', expr: `${UP} == 0`, unit: 'none' },
      { title: 'libvirt up', expr: `${of('libvirt_up')} == 0`, unit: 'none' },
    ],
    links: { instance: rowToHost() },
    span: 12,
    height: 7,
  });

const silentVms = () =>
  rows({
    title: 'Unresponsive VMs',
    help: 'VMs whose QEMU does not answer libvirt, and for how long.',
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

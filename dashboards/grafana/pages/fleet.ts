import { IDLE_HOSTS } from '../contention.ts';
import { LEGEND } from '../legends.ts';
import { limitsOf } from '../limits.ts';
import { rowToHost, rowToVm, seriesToHost } from '../links.ts';
import { type Page, page } from '../page.ts';
import { figure, graph } from '../panels.ts';
import { of, ofCluster } from '../query.ts';
import { byContention, byRequestLatency, bySteal } from '../shared-limits.ts';
import { rows } from '../table.ts';

const DELAY = of('instance:virtune_vcpu_delay:sum_rate5m');
const CONTENTION = of('instance:virtune_vcpu_contention:ratio_rate5m');
const VCPU_RATIO = of('libvirt_host_vcpu_overcommit_ratio', 'state="running"');
const MEMORY_RATIO = of('libvirt_host_memory_overcommit_ratio', 'kind="maximum"');
/** Scrape targets of the selected jobs, all of which are virtune's. */
const UP = of('up');

/** The same series as in the fleet's alerts, so that figures and alerts agree. */
const CLUSTER = {
  hosts: ofCluster('cluster:virtune_hosts:count'),
  hostsDown: ofCluster('cluster:virtune_hosts_down:count'),
  running: ofCluster('cluster:virtune_domains:count', 'state_desc="running"'),
  vcpuRatio: ofCluster('cluster:virtune_vcpu_overcommit:ratio'),
  vcpuRatioAfterLoss: ofCluster('cluster:virtune_vcpu_overcommit_after_host_loss:ratio'),
  memoryRatio: ofCluster('cluster:virtune_memory_overcommit:ratio'),
  memoryRatioAfterLoss: ofCluster('cluster:virtune_memory_overcommit_after_host_loss:ratio'),
  contention: ofCluster('cluster:virtune_vcpu_contention:ratio_rate5m'),
};

const byVcpuRatio = () => limitsOf('green', ['orange', 'HostVcpuOvercommitHigh', 'ratio']);
const byMemoryRatio = () => limitsOf('green', ['orange', 'HostMemoryOvercommitHigh', 'ratio']);
const byVcpuRatioAfterLoss = () => limitsOf('green', ['red', 'FleetCannotTolerateHostLossCpu', 'ratio']);
const byMemoryRatioAfterLoss = () => limitsOf('green', ['red', 'FleetCannotTolerateHostLossMemory', 'ratio']);

/** For any number of hosts: queries only series of clusters and hosts, and the few VMs with the most steal. */
export function fleetPage(): Page {
  return page({
    name: 'fleet',
    title: 'KVM fleet: overcommit and contention',
    scope: 'fleet',
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
      { title: 'By cluster', panels: [allClusters()] },
      {
        title: 'By host',
        panels: [contentionByHost(), cpuShortfallByHost(), vcpuRatioByHost(), memoryByHost()],
      },
      { title: 'VMs and hosts', panels: [stealingVms(), allHosts()] },
      { title: 'Not responding', panels: [silentHosts(), silentVms(), versions()] },
    ],
  });
}

const hosts = () =>
  figure({
    title: 'Hosts',
    help: 'Hosts of the selected clusters that report their CPUs now.',
    unit: 'none',
    queries: [{ expr: `sum(${CLUSTER.hosts})` }],
  });

const hostsDown = () =>
  figure({
    title: 'Hosts not scraped',
    help: 'Hosts of the selected clusters that Prometheus cannot scrape, except those in maintenance. Their VMs are not monitored.',
    unit: 'none',
    queries: [{ expr: `sum(${CLUSTER.hostsDown})` }],
  });

const vms = () =>
  figure({
    title: 'Running VMs',
    help: 'VMs in state running.',
    unit: 'none',
    queries: [{ expr: `sum(${CLUSTER.running})` }],
  });

const vcpuRatio = () =>
  figure({
    title: 'vCPU:pCPU ratio',
    help: 'Running vCPUs per online CPU, in the cluster where it is highest. VMs that are paused or shut off do not count.',
    unit: 'short',
    queries: [{ expr: `max(${CLUSTER.vcpuRatio})` }],
    limits: byVcpuRatio(),
  });

const vcpuRatioAfterLoss = () =>
  figure({
    title: 'vCPU:pCPU ratio, N-1',
    help: 'vCPU:pCPU ratio if the largest host of a cluster fails and its VMs run on the others, in the cluster where it is highest. No value for a single host.',
    unit: 'short',
    queries: [{ expr: `max(${CLUSTER.vcpuRatioAfterLoss})` }],
    limits: byVcpuRatioAfterLoss(),
    nothing: 'one host',
  });

const memoryRatio = () =>
  figure({
    title: 'Memory overcommit',
    help: 'Maximum memory of running and paused VMs / memory of the hosts, in the cluster where it is highest.',
    unit: 'percentunit',
    queries: [{ expr: `max(${CLUSTER.memoryRatio})` }],
    limits: byMemoryRatio(),
  });

const memoryRatioAfterLoss = () =>
  figure({
    title: 'Memory overcommit, N-1',
    help: 'Memory overcommit if the largest host of a cluster fails, in the cluster where it is highest. Above 100 %, not all VMs can restart. No value for a single host.',
    unit: 'percentunit',
    queries: [{ expr: `max(${CLUSTER.memoryRatioAfterLoss})` }],
    limits: byMemoryRatioAfterLoss(),
    nothing: 'one host',
  });

const contention = () =>
  figure({
    title: 'CPU contention',
    help: '% of CPU demand not served: delay / (delay + run) over all VMs of a cluster, 5 minutes, in the cluster where it is highest.',
    unit: 'percentunit',
    queries: [{ expr: `max(${CLUSTER.contention})` }],
    limits: byContention(),
  });

const contentionByHost = () =>
  graph({
    title: 'CPU contention by host',
    help: `% of CPU demand not served: delay / (delay + run), 5 minutes. The ten hosts with the highest values. ${IDLE_HOSTS}`,
    unit: 'percentunit',
    queries: [{ expr: `topk(10, ${CONTENTION})`, legend: LEGEND.host }],
    limits: byContention(),
    links: [seriesToHost()],
  });

const cpuShortfallByHost = () =>
  graph({
    title: 'CPU shortfall by host',
    help: 'How many more CPUs each host would need so that no vCPU waits. The ten hosts with the highest values.',
    unit: 'short',
    queries: [{ expr: `topk(10, ${DELAY})`, legend: LEGEND.host }],
    links: [seriesToHost()],
  });

const vcpuRatioByHost = () =>
  graph({
    title: 'vCPU:pCPU ratio by host',
    help: 'Running vCPUs per online CPU. The ten hosts with the highest values.',
    unit: 'short',
    queries: [{ expr: `topk(10, ${VCPU_RATIO})`, legend: LEGEND.host }],
    limits: byVcpuRatio(),
    links: [seriesToHost()],
  });

const memoryByHost = () =>
  graph({
    title: 'Memory overcommit by host',
    help: 'Maximum memory of running and paused VMs / memory of the host. The ten hosts with the highest values.',
    unit: 'percentunit',
    queries: [{ expr: `topk(10, ${MEMORY_RATIO})`, legend: LEGEND.host }],
    limits: byMemoryRatio(),
    links: [seriesToHost()],
  });

const allClusters = () =>
  rows({
    title: 'Clusters',
    help: 'Overcommit and contention of each cluster, now and if its largest host fails. Alerts on fleets use the same figures. One row if hosts have no label cluster.',
    labels: [],
    identity: ['cluster'],
    columns: [
      { title: 'hosts', expr: CLUSTER.hosts, unit: 'none' },
      { title: 'vCPU:pCPU ratio', expr: CLUSTER.vcpuRatio, unit: 'short', limits: byVcpuRatio().build() },
      {
        title: 'vCPU:pCPU ratio, N-1',
        expr: CLUSTER.vcpuRatioAfterLoss,
        unit: 'short',
        limits: byVcpuRatioAfterLoss().build(),
      },
      {
        title: 'memory overcommit',
        expr: CLUSTER.memoryRatio,
        unit: 'percentunit',
        limits: byMemoryRatio().build(),
      },
      {
        title: 'memory overcommit, N-1',
        expr: CLUSTER.memoryRatioAfterLoss,
        unit: 'percentunit',
        limits: byMemoryRatioAfterLoss().build(),
      },
      {
        title: 'contention',
        expr: CLUSTER.contention,
        unit: 'percentunit',
        limits: byContention().build(),
      },
    ],
    height: 5,
  });

const stealingVms = () =>
  rows({
    title: 'VMs with most CPU steal',
    help: 'The 20 VMs with the highest CPU steal: delay / wall time per vCPU, 5 minutes.',
    labels: ['domain'],
    columns: [
      {
        title: 'steal',
        expr: `topk(20, ${of('cluster:virtune_vcpu_delay:topk_ratio_rate5m')})`,
        unit: 'percentunit',
        limits: bySteal().build(),
      },
    ],
    links: { domain: rowToVm(), instance: rowToHost() },
    span: 8,
    height: 12,
  });

const allHosts = () =>
  rows({
    title: 'Hosts',
    help: `Per host: overcommit, contention, utilization, available memory and request latency. ${IDLE_HOSTS}`,
    labels: [],
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
        limits: byRequestLatency().build(),
      },
    ],
    links: { instance: rowToHost() },
    span: 16,
    height: 12,
  });

const silentHosts = () =>
  rows({
    title: 'Hosts not responding',
    help: 'Targets that Prometheus cannot scrape, or whose libvirt does not answer virtune. 0 means failed.',
    labels: [],
    columns: [
      { title: 'scraped', expr: `${UP} == 0`, unit: 'none' },
      { title: 'libvirt up', expr: `${of('libvirt_up')} == 0`, unit: 'none' },
    ],
    links: { instance: rowToHost() },
    span: 10,
    height: 7,
  });

const silentVms = () =>
  rows({
    title: 'Unresponsive VMs',
    help: 'VMs whose QEMU does not answer libvirt, and for how long.',
    labels: ['domain'],
    columns: [
      {
        title: 'for',
        expr: `time() - ${of('virtune_domain_unresponsive_since_timestamp_seconds')}`,
        unit: 's',
      },
    ],
    links: { domain: rowToVm(), instance: rowToHost() },
    span: 10,
    height: 7,
  });

const versions = () =>
  figure({
    title: 'virtune versions',
    help: 'Number of different versions running. More than one is normal only during a rollout.',
    unit: 'none',
    queries: [{ expr: `count(count by (version) (${of('virtune_build_info')}))` }],
    span: 4,
    height: 7,
  });

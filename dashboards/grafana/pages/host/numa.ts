import { ON_VM, VM_LABELS } from '../../../promql.ts';
import { ordinaryMemory } from '../../../rules/ordinary-memory.ts';
import { LEGEND } from '../../legends.ts';
import { limitsOf, noLimit } from '../../limits.ts';
import { rowToVm } from '../../links.ts';
import { figure, graph, stack } from '../../panels.ts';
import { byHost, newestOf, of, rateOf } from '../../query.ts';
import { rows } from '../../table.ts';

export const hugepageShortfall = () =>
  figure({
    title: 'Huge page shortfall',
    help: 'Huge pages missing for VMs that are defined but not running: these VMs would fail to start.',
    unit: 'none',
    queries: [
      {
        expr: `sum ${byHost()} (${of('libvirt_host_hugepages_missing')})`,
        legend: LEGEND.host,
      },
    ],
    limits: noLimit(),
    nothing: 'not used',
    span: 4,
  });

export const cellMemory = () =>
  graph({
    title: 'Available memory by NUMA cell',
    help: 'Share of memory of each cell, not counting huge page pools, that is usable without swapping; page cache counts as available. Needs virtune on the host.',
    unit: 'percentunit',
    queries: [
      {
        expr: `${of('libvirt_host_numa_memory_available_bytes')} / (${ordinaryMemory('libvirt_host_numa_memory_bytes', of)} > 0)`,
        legend: `cell {{cell}} ${LEGEND.host}`,
      },
    ],
    limits: limitsOf('red', ['green', 'NumaNodeFull', 'available']),
    span: 8,
  });

export const cellCpu = () =>
  graph({
    title: 'CPU utilization by NUMA cell',
    help: "Share of time that a cell's CPUs were not idle. One cell busy and another idle means poor VM placement.",
    unit: 'percentunit',
    queries: [
      {
        expr: `1 - sum without (mode) (${rateOf('libvirt_host_numa_cpu_seconds_total', 'mode=~"idle|iowait"')}) / sum without (mode) (${rateOf('libvirt_host_numa_cpu_seconds_total', 'mode!~"guest|guest_nice"')})`,
        legend: `cell {{cell}} ${LEGEND.host}`,
      },
    ],
    span: 8,
  });

export const hugepages = () =>
  stack({
    title: 'Free huge pages',
    help: 'Allocated huge pages not in use, by size and cell.',
    unit: 'short',
    queries: [
      {
        expr: of('libvirt_host_numa_pages', 'kind="free"', 'size!~"4KiB|16KiB|64KiB"'),
        legend: `{{size}} cell {{cell}} ${LEGEND.host}`,
      },
    ],
    span: 8,
  });

export const vmsByCell = () =>
  rows({
    title: 'VMs bound to NUMA cells',
    help: 'VMs with a NUMA memory policy: mode, nodeset, pinned vCPUs, and huge pages.',
    labels: ['domain', 'numa_mode', 'numa_nodeset'],
    columns: [
      {
        title: 'pinned vCPUs',
        expr: pinned('libvirt_domain_vcpus_pinned'),
        unit: 'none',
      },
      { title: 'huge pages', expr: pinned('libvirt_domain_hugepages'), unit: 'none' },
    ],
    links: { domain: rowToVm() },
    height: 7,
  });

function pinned(name: 'libvirt_domain_vcpus_pinned' | 'libvirt_domain_hugepages'): string {
  // The newest info series, if it has a mode: a VM's mode may have been removed.
  const info = newestOf(VM_LABELS, of('libvirt_domain_tuning_info'));
  return `${of(name)} * ${ON_VM} group_right () (${info} and ${of('libvirt_domain_tuning_info', 'numa_mode!=""')})`;
}

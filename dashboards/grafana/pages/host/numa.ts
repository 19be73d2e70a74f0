import { limitsOf, noLimit } from '../../limits.ts';
import { rowToVm } from '../../links.ts';
import { figure, graph, stack } from '../../panels.ts';
import { of, rateOf } from '../../query.ts';
import { rows } from '../../table.ts';

export const hugepagesMissing = () =>
  figure({
    title: 'Huge pages missing',
    help: 'Huge pages that VMs which are defined but do not run would not find at their start.',
    unit: 'none',
    queries: [{ expr: `sum(${of('libvirt_host_hugepages_missing')})` }],
    limits: noLimit(),
    nothing: 'none wanted',
    span: 4,
  });

export const cellMemory = () =>
  graph({
    title: 'Memory left by NUMA cell',
    help: 'Share of each cell that could be given without swapping, page cache counted as left. Needs virtune on the host.',
    unit: 'percentunit',
    queries: [
      {
        expr: `${of('libvirt_host_numa_memory_available_bytes')} / sum without (kind) (${of('libvirt_host_numa_memory_bytes', 'kind="total"')})`,
        legend: 'cell {{cell}} {{instance}}',
      },
    ],
    limits: limitsOf('red', ['green', 'NumaNodeFull', 'available']),
    span: 8,
  });

export const cellCpu = () =>
  graph({
    title: 'CPU busy by NUMA cell',
    help: "Share of the time that a cell's CPUs were not idle. One cell full and the other idle: VMs are placed badly.",
    unit: 'percentunit',
    queries: [
      {
        expr: `1 - sum without (mode) (${rateOf('libvirt_host_numa_cpu_seconds_total', 'mode=~"idle|iowait"')}) / sum without (mode) (${rateOf('libvirt_host_numa_cpu_seconds_total', 'mode!~"guest|guest_nice"')})`,
        legend: 'cell {{cell}} {{instance}}',
      },
    ],
    span: 8,
  });

export const hugepages = () =>
  stack({
    title: 'Huge pages free',
    help: 'Pages larger than the ordinary that are set aside and not in use, by size and cell.',
    unit: 'short',
    queries: [
      {
        expr: of('libvirt_host_numa_pages', 'kind="free"', 'size!~"4KiB|16KiB|64KiB"'),
        legend: '{{size}} cell {{cell}} {{instance}}',
      },
    ],
    span: 8,
  });

export const vmsByCell = () =>
  rows({
    title: 'VMs bound to NUMA cells',
    help: 'VMs whose memory has a policy: its mode, the cells it names, how many vCPUs are pinned, and whether it is on huge pages.',
    labels: ['domain', 'instance', 'numa_mode', 'numa_nodeset'],
    columns: [
      {
        title: 'vCPUs pinned',
        expr: pinned('libvirt_domain_vcpus_pinned'),
        unit: 'none',
      },
      { title: 'huge pages', expr: pinned('libvirt_domain_hugepages'), unit: 'none' },
    ],
    links: { domain: rowToVm() },
    height: 7,
  });

function pinned(name: 'libvirt_domain_vcpus_pinned' | 'libvirt_domain_hugepages'): string {
  return `${of(name)} * on (job, instance, domain) group_right () ${of('libvirt_domain_tuning_info', 'numa_mode!=""')}`;
}

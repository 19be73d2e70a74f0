import { limitsOf } from '../limits.ts';
import { rowToVm, seriesToVm } from '../links.ts';
import { type Page, page } from '../page.ts';
import { figure, graph } from '../panels.ts';
import { CHOSEN_VM, of, rateOf } from '../query.ts';
import { rows } from '../table.ts';
import { domain, instanceOfTuning, jobOfTuning } from '../variables.ts';
import { appliedProfiles } from './profiles.ts';

const DELAY = of('domain:virtune_vcpu_delay:ratio_rate5m', CHOSEN_VM);
const MEAN = of('device:virtune_block_request_seconds:mean_rate5m', CHOSEN_VM);

/** Before and after: a line where a profile was applied, and beside each graph the day before. */
export function tuningPage(): Page {
  return page({
    name: 'tuning',
    title: 'KVM tuning: what it brought',
    help: 'Figures that tuning changes, with a line where a profile was applied and the same hours of the day before beside them.',
    variables: [jobOfTuning(), instanceOfTuning(), domain()],
    annotations: [appliedProfiles()],
    rows: [
      { title: 'Tuned?', panels: [profiles(), drifted(), untuned()] },
      { title: 'Before and after', panels: [delay(), cpuCost(), diskTime(), flushTime(), remote(), huge()] },
      { title: 'How VMs are tuned', panels: [tuned()] },
    ],
  });
}

const profiles = () =>
  rows({
    title: 'Profiles',
    help: 'Which profile was applied to each VM, told by the tuner through node_exporter.',
    labels: ['domain', 'instance', 'profile', 'version'],
    columns: [{ title: 'applied', expr: of('virtune_tuning_info', CHOSEN_VM), unit: 'none' }],
    span: 14,
    height: 6,
  });

const drifted = () =>
  figure({
    title: 'Drifted',
    help: 'VMs that no longer are as their profile says.',
    unit: 'none',
    queries: [{ expr: `sum(${of('virtune_tuning_drift', CHOSEN_VM)})` }],
    nothing: 'no drift told',
    span: 5,
    height: 6,
  });

const untuned = () =>
  figure({
    title: 'Running without a pin',
    help: 'Running VMs none of whose vCPUs is pinned.',
    unit: 'none',
    queries: [
      {
        expr: `count(${of('libvirt_domain_vcpus_pinned', CHOSEN_VM)} == 0 and on (job, instance, domain) ${of('libvirt_domain_info_state', CHOSEN_VM, 'state_desc="running"')})`,
      },
    ],
    nothing: 'none',
    span: 5,
    height: 6,
  });

/** The same query now and a day earlier. */
const andDayBefore = (expr: (offset: string) => string, legend: string) => [
  { expr: expr(''), legend },
  { expr: expr(' offset 1d'), legend: `${legend}, the day before` },
];

const delay = () =>
  graph({
    title: 'Waiting for a CPU',
    help: "Share of the time that each of a VM's vCPUs waited. Pins and isolation are to bring it to nothing.",
    unit: 'percentunit',
    queries: andDayBefore((offset) => `${DELAY}${offset}`, '{{domain}} {{instance}}'),
    limits: limitsOf('green', ['orange', 'DomainVcpuDelayHigh', 'delay']),
    links: [seriesToVm()],
  });

const cpuCost = () =>
  graph({
    title: 'CPUs for the work',
    help: 'CPUs that the VM uses. For the same load, huge pages, local memory and batching bring it down by some percent.',
    unit: 'short',
    queries: andDayBefore(
      (offset) => `${of('domain:virtune_vcpu_time:sum_rate5m', CHOSEN_VM)}${offset}`,
      '{{domain}} {{instance}}',
    ),
    links: [seriesToVm()],
  });

const diskTime = () =>
  graph({
    title: 'Time of a request',
    help: 'Mean time of a read or write: cache mode, io mode, iothreads and queues.',
    unit: 's',
    queries: andDayBefore((offset) => `${MEAN}${offset}`, '{{domain}} {{target_device}} {{instance}}'),
    links: [seriesToVm()],
  });

const flushTime = () =>
  graph({
    title: 'Time of a flush',
    help: 'Mean time of a flush, which a commit waits for.',
    unit: 's',
    queries: [
      {
        expr: `${rateOf('libvirt_domain_block_stats_flush_time_seconds_total', CHOSEN_VM)} / (${rateOf('libvirt_domain_block_stats_flush_requests_total', CHOSEN_VM)} > 0)`,
        legend: '{{domain}} {{target_device}} {{instance}}',
      },
    ],
    links: [seriesToVm()],
  });

const remote = () =>
  graph({
    title: 'Memory on the far cell',
    help: 'Chance that a vCPU finds its memory on another NUMA cell. Needs --collect.numa.',
    unit: 'percentunit',
    queries: [{ expr: of('libvirt_domain_numa_remote_ratio', CHOSEN_VM), legend: '{{domain}} {{instance}}' }],
    links: [seriesToVm()],
  });

const huge = () =>
  graph({
    title: 'Memory on huge pages',
    help: "Share of the process's resident memory that is on huge pages, transparent ones included. Needs --collect.numa.",
    unit: 'percentunit',
    queries: [
      {
        expr: `${of('libvirt_domain_huge_memory_bytes', CHOSEN_VM)} / ${of('libvirt_domain_memory_stats_rss_bytes', CHOSEN_VM)}`,
        legend: '{{domain}} {{instance}}',
      },
    ],
    links: [seriesToVm()],
  });

const tuned = () =>
  rows({
    title: 'How VMs are tuned',
    help: 'Pins, NUMA cells, huge pages, iothreads and the balloon of each VM, from its XML.',
    labels: ['domain', 'instance'],
    columns: [
      { title: 'vCPUs', expr: of('libvirt_domain_info_virtual_cpus', CHOSEN_VM), unit: 'none' },
      { title: 'pinned', expr: of('libvirt_domain_vcpus_pinned', CHOSEN_VM), unit: 'none' },
      { title: 'emulator pinned', expr: of('libvirt_domain_emulator_pinned', CHOSEN_VM), unit: 'none' },
      { title: 'guest cells', expr: of('libvirt_domain_numa_cells', CHOSEN_VM), unit: 'none' },
      { title: 'huge pages', expr: of('libvirt_domain_hugepages', CHOSEN_VM), unit: 'none' },
      { title: 'iothreads', expr: of('libvirt_domain_iothreads', CHOSEN_VM), unit: 'none' },
      { title: 'iothreads pinned', expr: of('libvirt_domain_iothreads_pinned', CHOSEN_VM), unit: 'none' },
      {
        title: 'wider than a cell',
        expr: of('libvirt_domain_wider_than_numa_cell', CHOSEN_VM),
        unit: 'none',
      },
    ],
    links: { domain: rowToVm() },
    height: 11,
  });

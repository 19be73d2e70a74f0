import { ON_VM, VM_LABELS } from '../../promql.ts';
import { LEGEND } from '../legends.ts';
import { limitsOf } from '../limits.ts';
import { rowToVm, seriesToVm } from '../links.ts';
import { type Page, page } from '../page.ts';
import { figure, graph } from '../panels.ts';
import { CHOSEN_VM, newestOf, of, rateOf } from '../query.ts';
import { YES_OR_NO } from '../states.ts';
import { rows } from '../table.ts';
import { appliedProfiles, measuredEffects } from './profiles.ts';

const STEAL = of('domain:virtune_vcpu_delay:ratio_rate5m', CHOSEN_VM);
const MEAN = of('device:virtune_block_request_seconds:mean_rate5m', CHOSEN_VM);

/** Before and after: lines mark applied profiles and experiments, and each graph also shows the previous day. */
export function tuningPage(): Page {
  return page({
    name: 'tuning',
    title: 'KVM tuning: before and after',
    help: 'Effect of tuning: a line marks each applied profile and each experiment, and each graph shows the previous day for comparison.',
    scope: 'vm',
    annotations: [appliedProfiles(), measuredEffects()],
    rows: [
      { title: 'Tuning status', panels: [profiles(), drifted(), untuned(), effects()] },
      {
        title: 'Before and after',
        panels: [steal(), cpuUsage(), requestLatency(), flushLatency(), remote(), huge()],
      },
      { title: 'Configuration', panels: [tuned()] },
    ],
  });
}

/** A metric of a tuned VM, with its profile. */
const withProfile = (figure: string): string =>
  `${figure} * ${ON_VM} group_left (profile, version) ${newestOf(VM_LABELS, of('virtune_tuning_info'))}`;

const profiles = () =>
  rows({
    title: 'Profiles',
    help: 'Tuned VMs of the selected hosts: when the profile was applied, whether the VM has drifted from it, and the safety rules that it breaks. Drift needs virtune tune drift --record on the host.',
    labels: ['domain', 'profile', 'version'],
    columns: [
      {
        title: 'applied',
        expr: `1000 * ${withProfile(of('virtune_tuning_applied_timestamp_seconds'))}`,
        unit: 'dateTimeFromNow',
      },
      { title: 'drifted', expr: withProfile(of('virtune_tuning_drift')), unit: 'none', words: YES_OR_NO },
      {
        title: 'rules broken',
        expr: withProfile(of('virtune_tuning_violations', 'level="refuse"')),
        unit: 'none',
      },
    ],
    links: { domain: rowToVm() },
    span: 14,
    height: 6,
  });

/** A metric of the last experiment on a VM, with the deciding figure and the verdict. */
const withVerdict = (figure: Parameters<typeof of>[0]): string =>
  `${of(figure)} * ${ON_VM} group_left (figure, verdict, kept) ${newestOf(VM_LABELS, of('virtune_tuning_effect_info'))}`;

const effects = () =>
  rows({
    title: 'Measured effects',
    help: 'What the last experiment on each VM found (virtune tune apply --measure): the deciding figure with the settings / without them, with its 95 % interval. Needs virtune tune drift --record on the host.',
    labels: ['domain', 'figure', 'verdict', 'kept'],
    columns: [
      {
        title: 'measured',
        expr: `1000 * ${withVerdict('virtune_tuning_effect_timestamp_seconds')}`,
        unit: 'dateTimeFromNow',
      },
      { title: 'change', expr: `${withVerdict('virtune_tuning_effect_ratio')} - 1`, unit: 'percentunit' },
      { title: 'from', expr: `${withVerdict('virtune_tuning_effect_low_ratio')} - 1`, unit: 'percentunit' },
      { title: 'to', expr: `${withVerdict('virtune_tuning_effect_high_ratio')} - 1`, unit: 'percentunit' },
    ],
    links: { domain: rowToVm() },
    height: 6,
  });

const drifted = () =>
  figure({
    title: 'Drifted VMs',
    help: 'Tuned VMs of the selected hosts whose configuration differs from their profile.',
    unit: 'none',
    queries: [{ expr: `sum(${of('virtune_tuning_drift')})` }],
    nothing: 'no drift reported',
    span: 5,
    height: 6,
  });

const untuned = () =>
  figure({
    title: 'Unpinned VMs',
    help: 'Running VMs of the selected hosts without any pinned vCPU.',
    unit: 'none',
    queries: [
      {
        expr: `count(${of('libvirt_domain_vcpus_pinned')} == 0 and ${ON_VM} ${of('libvirt_domain_info_state', 'state_desc="running"')})`,
      },
    ],
    nothing: 'none',
    span: 5,
    height: 6,
  });

/** The same query now and a day earlier. */
const andDayBefore = (expr: (offset: string) => string, legend: string) => [
  { expr: expr(''), legend },
  { expr: expr(' offset 1d'), legend: `1 day earlier: ${legend}` },
];

const steal = () =>
  graph({
    title: 'CPU steal (ready)',
    help: 'Delay / wall time per vCPU, mean over the vCPUs of a VM. Pinning and isolation should bring it close to 0.',
    unit: 'percentunit',
    queries: andDayBefore((offset) => `${STEAL}${offset}`, LEGEND.vm),
    limits: limitsOf('green', ['orange', 'DomainCpuStealHigh', 'steal']),
    links: [seriesToVm()],
  });

const cpuUsage = () =>
  graph({
    title: 'CPU usage',
    help: 'CPUs used by the VM. For the same load, huge pages, local memory and batching lower it by a few percent.',
    unit: 'short',
    queries: andDayBefore(
      (offset) => `${of('domain:virtune_vcpu_time:sum_rate5m', CHOSEN_VM)}${offset}`,
      LEGEND.vm,
    ),
    links: [seriesToVm()],
  });

const requestLatency = () =>
  graph({
    title: 'Request latency',
    help: 'Mean latency of reads and writes. Depends on cache mode, io mode, iothreads and queues.',
    unit: 's',
    queries: andDayBefore((offset) => `${MEAN}${offset}`, LEGEND.device),
    links: [seriesToVm()],
  });

const flushLatency = () =>
  graph({
    title: 'Flush latency',
    help: 'Mean latency of flushes. Database commits wait for them.',
    unit: 's',
    queries: [
      {
        expr: `${rateOf('libvirt_domain_block_stats_flush_time_seconds_total', CHOSEN_VM)} / (${rateOf('libvirt_domain_block_stats_flush_requests_total', CHOSEN_VM)} > 0)`,
        legend: LEGEND.device,
      },
    ],
    links: [seriesToVm()],
  });

const remote = () =>
  graph({
    title: 'Remote NUMA memory',
    help: 'Estimated share of memory accesses that go to another NUMA cell. Needs --collect.numa.',
    unit: 'percentunit',
    queries: [
      {
        expr: of('libvirt_domain_numa_remote_ratio', CHOSEN_VM),
        legend: LEGEND.vm,
      },
    ],
    links: [seriesToVm()],
  });

const huge = () =>
  graph({
    title: 'Huge page backing',
    help: 'Share of memory of the QEMU process on huge pages: those of pools, and transparent ones. Needs --collect.numa.',
    unit: 'percentunit',
    queries: [
      {
        // RSS does not include pages of hugepage pools.
        expr: `${of('libvirt_domain_huge_memory_bytes', CHOSEN_VM)} / (sum without (node) (${of('libvirt_domain_numa_memory_bytes', CHOSEN_VM)}) > 0)`,
        legend: LEGEND.vm,
      },
    ],
    links: [seriesToVm()],
  });

const tuned = () =>
  rows({
    title: 'VM configuration',
    help: 'vCPUs, pins, guest NUMA cells, huge pages and iothreads per VM, from its XML.',
    labels: ['domain'],
    columns: [
      { title: 'vCPUs', expr: of('libvirt_domain_info_virtual_cpus', CHOSEN_VM), unit: 'none' },
      { title: 'pinned vCPUs', expr: of('libvirt_domain_vcpus_pinned', CHOSEN_VM), unit: 'none' },
      { title: 'pinned emulator', expr: of('libvirt_domain_emulator_pinned', CHOSEN_VM), unit: 'none' },
      { title: 'guest NUMA cells', expr: of('libvirt_domain_numa_cells', CHOSEN_VM), unit: 'none' },
      { title: 'huge pages', expr: of('libvirt_domain_hugepages', CHOSEN_VM), unit: 'none' },
      { title: 'iothreads', expr: of('libvirt_domain_iothreads', CHOSEN_VM), unit: 'none' },
      { title: 'pinned iothreads', expr: of('libvirt_domain_iothreads_pinned', CHOSEN_VM), unit: 'none' },
      {
        title: 'exceeds a NUMA cell',
        expr: of('libvirt_domain_wider_than_numa_cell', CHOSEN_VM),
        unit: 'none',
      },
    ],
    links: { domain: rowToVm() },
    height: 11,
  });

import { ON_HOST, ON_VM } from '../../promql.ts';
import { ordinaryMemory } from '../ordinary-memory.ts';
import type { Value } from '../reference.ts';
import { type AlertContext, type AlertGroup, alert, type Threshold } from '../rule.ts';
import { swapsIn, WAITING } from '../swapping.ts';
import { BYTES, HOST, percent, SHARE, WHOLE } from '../text.ts';

const pressure = (share: 'some' | 'full', { recorded }: AlertContext): string =>
  recorded('instance:virtune_host_pressure:ratio_rate5m', 'resource="memory"', `share="${share}"`);

/**
 * Pages once for a host that is short of memory, with the alert that is most specific about the cause. Only while that
 * alert is firing, not pending: on a host that stalls every few minutes, this alert would otherwise restart its `for`
 * each time, and neither would ever fire. Rules of a group are evaluated in order, so an alert of this group counts in
 * the evaluation in which it starts firing; one of another group may be up to a minute late, and then inhibits in
 * Alertmanager.
 */
const unlessPagedBy = (names: string, { alerts }: AlertContext): string =>
  ` unless ${ON_HOST} ${alerts(names, 'alertstate="firing"', 'severity="critical"')}`;

const SHORT: Threshold = {
  value: 0.1,
  unit: 'share',
  from: 'as HostMemoryHeadroomLow; the kernel also counts kills at the limit of a control group',
};

const oomKills = ({ metric, range }: AlertContext): string =>
  `increase(${metric('libvirt_host_oom_kills_total')}[${range('10m')}]) > 0`;
/** Throughout the time since before the kill. */
const hadMemory = (share: Value, { recorded, range }: AlertContext): string =>
  `(min_over_time(${recorded('instance:virtune_host_memory_available:ratio')}[${range('15m')}]) >= ${share})`;

/** As long as a kill counts below, plus a minute of clock difference between host and Prometheus. */
const CRASH_OF_KILL_SECONDS = 660;

/** The kernel killed a QEMU, and the alert that pages for it names the VM. */
const unlessCrashPages = ({ metric, alerts }: AlertContext): string =>
  ` unless ${ON_HOST} (${alerts('DomainCrashed', 'alertstate="firing"', 'severity="critical"')} and ${ON_VM} time() - ${metric('virtune_domain_crash_timestamp_seconds')} < ${CRASH_OF_KILL_SECONDS})`;

export const memoryAlerts: AlertGroup = {
  name: 'memory',
  help: 'Hosts short of memory, swap, huge pages, or memory on a NUMA cell.',
  alerts: [
    alert({
      alert: 'HostMemoryPressure',
      severity: 'warning',
      subject: 'host',
      component: 'memory',
      for: '10m',
      thresholds: {
        some: { value: 0.1, unit: 'share', from: 'our choice: some task waits a tenth of the time' },
      },
      expr: ({ some }, context) => `${pressure('some', context)} > ${some}`,
      summary: () => `Memory pressure on ${HOST} is ${SHARE} (PSI some).`,
      description: () =>
        'Tasks wait for the kernel to reclaim or swap memory. Free memory before the host stalls: migrate a VM, or find what else grew.',
    }),
    alert({
      alert: 'HostMemoryOvercommitCritical',
      severity: 'critical',
      subject: 'host',
      component: 'memory',
      for: '5m',
      thresholds: {
        ratio: { value: 0.9, unit: 'ratio', from: 'the rest is for the host itself' },
        stalled: { value: 0.05, unit: 'share', from: 'as HostMemoryStalled' },
        swapIn: { value: 100, unit: 'pages per second', from: 'as HostSwappingIn' },
        waiting: { ...WAITING, from: 'as HostSwappingIn' },
      },
      expr: ({ ratio, stalled, swapIn, waiting }, context) =>
        `${context.metric('libvirt_host_memory_overcommit_ratio', 'kind="maximum"')} > ${ratio} and ${ON_HOST} (${pressure('full', context)} > ${stalled} or (${swapsIn(swapIn, waiting, context)}))`,
      summary: () => `${HOST} has ${SHARE} of its memory allocated to VMs, and stalls or swaps.`,
      description: () =>
        'All of its VMs are slow, and the kernel may OOM-kill one. Migrate the largest VM that can move, now; then find what grew.',
    }),
    alert({
      alert: 'HostMemoryStalled',
      severity: 'critical',
      subject: 'host',
      component: 'memory',
      for: '5m',
      thresholds: {
        full: {
          value: 0.05,
          unit: 'share',
          from: 'our choice; systemd-oomd kills at 60 % over 30 s, long after VMs became slow',
        },
      },
      expr: ({ full }, context) =>
        `${pressure('full', context)} > ${full}${unlessPagedBy('HostMemoryOvercommitCritical', context)}`,
      summary: () => `${HOST} stalls on memory ${SHARE} of the time (PSI full).`,
      description: () => 'All of its VMs stall. Migrate or stop the largest VM that you can, now.',
    }),
    alert({
      alert: 'HostSwappingIn',
      severity: 'critical',
      subject: 'host',
      component: 'memory',
      for: '5m',
      thresholds: {
        swapIn: {
          value: 100,
          unit: 'pages per second',
          from: "our choice; node-mixin's NodeMemoryMajorPagesFaults is 500 and counts disk reads of any kind",
        },
        waiting: WAITING,
      },
      expr: ({ swapIn, waiting }, context) =>
        `${swapsIn(swapIn, waiting, context)}${unlessPagedBy('HostMemoryOvercommitCritical|HostMemoryStalled', context)}`,
      summary: () => `${HOST} swaps in ${WHOLE} pages per second.`,
      description: () =>
        'Guests access memory that the host has swapped out; each access takes milliseconds. Free memory, and keep database VMs out of swap.',
    }),
    alert({
      alert: 'HostSwapAlmostFull',
      severity: 'warning',
      subject: 'host',
      component: 'memory',
      for: '5m',
      thresholds: {
        free: { value: 0.1, unit: 'share', from: "systemd-oomd's SwapUsedLimit: 90 % of swap is used" },
        available: { value: 0.1, unit: 'share', from: 'as free: 90 % of memory is used too' },
      },
      // Swap may stay full for months with pages that are never used.
      expr: ({ free, available }, { metric, recorded }) =>
        `sum without (kind) (${metric('libvirt_host_swap_bytes', 'kind="free"')}) / sum without (kind) (${metric('libvirt_host_swap_bytes', 'kind="total"')}) < ${free} and ${ON_HOST} ${recorded('instance:virtune_host_memory_available:ratio')} < ${available}`,
      summary: () => `${HOST} has ${SHARE} of its swap space left, and little memory.`,
      description: () =>
        'When swap and memory are full, the kernel kills processes. Free memory first; more swap only buys time.',
    }),
    alert({
      alert: 'HostMemoryHeadroomLow',
      severity: 'warning',
      subject: 'host',
      component: 'memory',
      for: '10m',
      thresholds: {
        available: { value: 0.1, unit: 'share', from: "node-mixin's NodeMemoryHighUtilization at 90 %" },
      },
      expr: ({ available }, { recorded }) =>
        `${recorded('instance:virtune_host_memory_available:ratio')} < ${available}`,
      summary: () => `${HOST} has ${SHARE} of its memory available.`,
      description: ({ available }) =>
        `Less than ${percent(available)} of memory is available, not counting huge page pools. A VM that grows or starts makes the host swap. Schedule no VMs here, and migrate one.`,
    }),
    alert({
      alert: 'HostOomKill',
      severity: 'critical',
      subject: 'host',
      component: 'memory',
      // A killed QEMU is reported as a crash of its VM a moment later, by an alert of another group.
      for: '1m',
      thresholds: { available: SHORT },
      // A host with unknown available memory counts as short.
      expr: ({ available }, context) =>
        `${oomKills(context)} unless ${ON_HOST} ${hadMemory(available, context)}${unlessCrashPages(context)}`,
      summary: () => `The kernel of ${HOST} has OOM-killed a process.`,
      description: () =>
        'QEMU is the largest process on most hosts, so a VM may be down. Find it in the kernel log, start it on another host, then free memory.',
    }),
    alert({
      alert: 'HostCgroupOomKill',
      severity: 'warning',
      subject: 'host',
      component: 'memory',
      for: '1m',
      thresholds: { available: SHORT },
      expr: ({ available }, context) =>
        `${oomKills(context)} and ${ON_HOST} ${hadMemory(available, context)}${unlessCrashPages(context)}`,
      summary: () => `The kernel of ${HOST} has OOM-killed a process, while the host had memory available.`,
      description: () =>
        'A control group, of a container or of a VM with hard_limit, reached its limit, or a NUMA cell was full. The kernel log names the process and the group.',
    }),
    alert({
      alert: 'KsmDependence',
      severity: 'warning',
      subject: 'host',
      component: 'memory',
      for: '30m',
      thresholds: {},
      expr: (_, { metric }) =>
        `${metric('libvirt_host_ksm_saved_bytes')} > ${metric('libvirt_host_memory_available_bytes')}`,
      summary: () => `${HOST} depends on KSM: without page merging its VMs need ${BYTES} more.`,
      description: () =>
        'That is more than the host has available. When guests reboot or rewrite merged pages, the host swaps. Count this memory as used, and migrate VMs.',
    }),
    alert({
      alert: 'NumaNodeFull',
      severity: 'warning',
      subject: 'host',
      labels: ['cell'],
      component: 'numa',
      for: '15m',
      thresholds: {
        available: {
          value: 0.05,
          unit: 'share',
          from: 'our choice: below it a strict VM cannot start, and a preferred one spills over',
        },
      },
      expr: ({ available }, { metric }) =>
        `${metric('libvirt_host_numa_memory_available_bytes')} / (${ordinaryMemory('libvirt_host_numa_memory_bytes', metric)} > 0) < ${available}`,
      summary: () => `NUMA cell {{ $labels.cell }} of ${HOST} has ${SHARE} of its memory left.`,
      description: () =>
        'VMs bound to this cell cannot grow; other VMs get remote memory. Find the VMs on this cell, and move one to another cell.',
    }),
    alert({
      alert: 'HugepagesExhausted',
      severity: 'warning',
      subject: 'host',
      labels: ['cell', 'size'],
      component: 'numa',
      for: '15m',
      thresholds: {},
      expr: (_, { metric }) => `${metric('libvirt_host_hugepages_missing')} > 0`,
      summary: () =>
        `${HOST} lacks ${WHOLE} huge pages of {{ $labels.size }} (cell {{ $labels.cell }}) for VMs that are off but will start again.`,
      description: () =>
        'These VMs will fail to start. Allocate more huge pages while memory is not fragmented, or take the VMs off huge pages.',
    }),
  ],
};

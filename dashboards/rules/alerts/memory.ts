import { metric } from '../../promql.ts';
import { recorded } from '../recording.ts';
import { type AlertGroup, alert } from '../rule.ts';
import { BYTES, HOST, percent, SHARE, WHOLE } from '../text.ts';

const PRESSURE = (share: 'some' | 'full'): string =>
  recorded('instance:virtune_host_pressure:ratio_rate5m', 'resource="memory"', `share="${share}"`);

export const memoryAlerts: AlertGroup = {
  name: 'memory',
  help: 'Hosts that run out of memory, swap, or memory in the right place.',
  alerts: [
    alert({
      alert: 'HostMemoryPressure',
      severity: 'warning',
      component: 'memory',
      for: '10m',
      thresholds: { some: { value: 0.1, unit: 'share', from: 'ours: a tenth of the time somebody waits' } },
      expr: ({ some }) => `${PRESSURE('some')} > ${some}`,
      summary: () => `On ${HOST} something waits for memory ${SHARE} of the time.`,
      description: () =>
        'The kernel reclaims or swaps to go on. Free memory before it stalls: move a VM away, or see what else grew.',
    }),
    alert({
      alert: 'HostMemoryStalled',
      severity: 'critical',
      component: 'memory',
      for: '5m',
      thresholds: {
        full: {
          value: 0.05,
          unit: 'share',
          from: 'ours; systemd-oomd kills at 60 % over 30 s, long after VMs were slow',
        },
      },
      expr: ({ full }) => `${PRESSURE('full')} > ${full}`,
      summary: () => `On ${HOST} nothing can run for want of memory ${SHARE} of the time.`,
      description: () =>
        'All its VMs stand still meanwhile. Migrate or stop the largest one that can be spared, now.',
    }),
    alert({
      alert: 'HostSwappingIn',
      severity: 'critical',
      component: 'memory',
      for: '5m',
      thresholds: {
        swapIn: {
          value: 100,
          unit: 'pages per second',
          from: "ours; node-mixin's NodeMemoryMajorPagesFaults is at 500, disk reads of any kind",
        },
      },
      expr: ({ swapIn }) => `${recorded('instance:virtune_host_swapped_in_pages:rate5m')} > ${swapIn}`,
      summary: () => `${HOST} reads ${WHOLE} pages a second back from swap.`,
      description: () =>
        'Guests touch memory that the host has put on disk: each touch takes milliseconds. Free memory; never swap VMs of databases.',
    }),
    alert({
      alert: 'HostSwapAlmostFull',
      severity: 'warning',
      component: 'memory',
      for: '5m',
      thresholds: { free: { value: 0.1, unit: 'share', from: "systemd-oomd's SwapUsedLimit of 90 %" } },
      expr: ({ free }) =>
        `sum without (kind) (${metric('libvirt_host_swap_bytes', 'kind="free"')}) / sum without (kind) (${metric('libvirt_host_swap_bytes', 'kind="total"')}) < ${free}`,
      summary: () => `${SHARE} of the swap space of ${HOST} is left.`,
      description: () =>
        'When it is full the kernel kills. Free memory first; more swap only puts the day off.',
    }),
    alert({
      alert: 'HostMemoryHeadroomLow',
      severity: 'warning',
      component: 'memory',
      for: '10m',
      thresholds: {
        available: { value: 0.1, unit: 'share', from: "node-mixin's NodeMemoryHighUtilization at 90 %" },
      },
      expr: ({ available }) => `${recorded('instance:virtune_host_memory_available:ratio')} < ${available}`,
      summary: () => `${HOST} could give ${SHARE} of its memory without swapping.`,
      description: ({ available }) =>
        `Below ${percent(available)}. A VM that grows, or one that starts, makes it swap. Place nothing here; move a VM away.`,
    }),
    alert({
      alert: 'HostOomKill',
      severity: 'critical',
      component: 'memory',
      for: '0s',
      thresholds: {},
      expr: (_, { range }) => `increase(${metric('libvirt_host_oom_kills_total')}[${range('10m')}]) > 0`,
      summary: () => `The kernel of ${HOST} has killed a process for want of memory.`,
      description: () =>
        'A QEMU is the largest process of most hosts, so a VM may be gone. See the kernel log for which, start it elsewhere, then free memory.',
    }),
    alert({
      alert: 'KsmDependence',
      severity: 'warning',
      component: 'memory',
      for: '30m',
      thresholds: {},
      expr: () =>
        `${metric('libvirt_host_ksm_saved_bytes')} > ${metric('libvirt_host_memory_available_bytes')}`,
      summary: () => `${HOST} fits its VMs only because KSM merges pages: ${BYTES} would be needed without.`,
      description: () =>
        'That is more than the host has left. When guests reboot or rewrite those pages, it swaps. Count the memory as used, and make room.',
    }),
    alert({
      alert: 'NumaNodeFull',
      severity: 'warning',
      component: 'numa',
      for: '15m',
      thresholds: {
        available: {
          value: 0.05,
          unit: 'share',
          from: 'ours: below it a strict VM cannot start, and a preferred one spills over',
        },
      },
      expr: ({ available }) =>
        `${metric('libvirt_host_numa_memory_available_bytes')} / sum without (kind) (${metric('libvirt_host_numa_memory_bytes', 'kind="total"')}) < ${available}`,
      summary: () => `NUMA cell {{ $labels.cell }} of ${HOST} has ${SHARE} of its memory left.`,
      description: () =>
        'VMs bound to it cannot grow; others get memory from the far cell. See which VMs lie there, and move one to another cell.',
    }),
    alert({
      alert: 'HugepagesExhausted',
      severity: 'warning',
      component: 'numa',
      for: '15m',
      thresholds: {},
      expr: () => `${metric('libvirt_host_hugepages_missing')} > 0`,
      summary: () =>
        `${HOST} lacks ${WHOLE} huge pages of {{ $labels.size }} (cell {{ $labels.cell }}) for VMs that are defined but do not run.`,
      description: () =>
        'Their next start will be refused. Set more pages aside while memory is not fragmented, or take the VMs off huge pages.',
    }),
    alert({
      alert: 'HostIoStalled',
      severity: 'warning',
      component: 'disk',
      for: '15m',
      thresholds: {
        full: { value: 0.2, unit: 'share', from: 'ours: a fifth of the time nothing runs, all wait for I/O' },
      },
      expr: ({ full }) =>
        `${recorded('instance:virtune_host_pressure:ratio_rate5m', 'resource="io"', 'share="full"')} > ${full}`,
      summary: () => `On ${HOST} everything waits for I/O ${SHARE} of the time.`,
      description: () =>
        'See which VM reads or writes most, and whether the storage below is well; limit the one that floods it.',
    }),
  ],
};

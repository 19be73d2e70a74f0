import { PAUSED_BY_IO_ERROR, PAUSED_BY_JOB, PAUSED_ON_PURPOSE } from '../../../model/run-state.ts';
import { ON_VM } from '../../promql.ts';
import { type AlertContext, type AlertGroup, alert } from '../rule.ts';
import { HOST, LASTING, SHARE, VM } from '../text.ts';

const state = (is: '="running"' | '!="running"' | '="paused"', { metric }: AlertContext): string =>
  metric('libvirt_domain_info_state', `state_desc${is}`);
const reason = ({ metric }: AlertContext): string => metric('libvirt_domain_info_state_reason');
const noneOf = (numbers: readonly number[], vector: string): string =>
  numbers.reduce((expr, number) => `${expr} != ${number}`, vector);

/**
 * Filters out the numbers that are not wanted: a selector per wanted number would read the series of all VMs each time.
 */
function oneOf(numbers: readonly number[], vector: string): string {
  const [least, most] = [Math.min(...numbers), Math.max(...numbers)];
  const between = Array.from({ length: most - least }, (_, index) => least + index);
  const others = between.filter((number) => !numbers.includes(number));
  return noneOf(others, `${vector} >= ${least} <= ${most}`);
}

const reasonOfPaused = (context: AlertContext): string =>
  `(${reason(context)} and ${ON_VM} ${state('="paused"', context)})`;

export const guestAlerts: AlertGroup = {
  name: 'guests',
  help: 'VMs that are paused, crashed, unresponsive or short of memory.',
  alerts: [
    alert({
      alert: 'DomainPaused',
      severity: 'critical',
      subject: 'vm',
      component: 'vm',
      for: '5m',
      thresholds: {},
      expr: (_, context) =>
        noneOf([...PAUSED_ON_PURPOSE, ...PAUSED_BY_JOB, PAUSED_BY_IO_ERROR], reasonOfPaused(context)),
      summary: () => `${VM} on ${HOST} is paused, but not by a user.`,
      description: () =>
        '{{ if eq $value 6.0 }}Paused by its watchdog: the guest hung. Take a dump, then reset the VM.{{ else }}Paused for reason {{ $value }} (virDomainPausedReason); virsh domstate --reason shows its name.{{ end }}',
    }),
    // Apart from other pauses, so that a notification can be one for all hosts that share the storage.
    alert({
      alert: 'DomainPausedByIoError',
      severity: 'critical',
      subject: 'vm',
      component: 'disk',
      for: '5m',
      thresholds: {},
      expr: (_, context) => `${reasonOfPaused(context)} == ${PAUSED_BY_IO_ERROR}`,
      summary: () => `${VM} on ${HOST} is paused by an I/O error.`,
      description: () =>
        'The guest does not run. Check whether the storage pool is full or unreachable, fix that, then resume the VM.',
    }),
    alert({
      alert: 'DomainPausedByJob',
      severity: 'warning',
      subject: 'vm',
      component: 'vm',
      for: '6h',
      thresholds: {},
      expr: (_, context) => oneOf(PAUSED_BY_JOB, reasonOfPaused(context)),
      summary: () => `${VM} on ${HOST} has been paused by a job for hours.`,
      description: () =>
        '{{ if or (eq $value 2.0) (eq $value 12.0) }}A migration. If the VM runs on no other host, it is down: check virsh domjobinfo on both hosts.{{ else }}A save, dump, snapshot or start. The guest does not run until the job ends: check virsh domjobinfo, and abort the job if it makes no progress.{{ end }}',
    }),
    alert({
      alert: 'DomainCrashed',
      severity: 'critical',
      subject: 'vm',
      component: 'vm',
      for: '0s',
      thresholds: {
        within: {
          value: 86_400,
          unit: 'seconds',
          from: 'our choice: a VM that was not started for a day is off on purpose',
        },
      },
      expr: ({ within }, context) => {
        const crash = context.metric('virtune_domain_crash_timestamp_seconds');
        const running = `${context.metric('libvirt_domain_info')} and ${ON_VM} ${state('="running"', context)}`;
        // Unless it was restarted on another host, manually or by a cluster manager.
        return `time() - max without (uuid) (${crash}) <= ${within} unless ${ON_VM} (${crash} and on (cluster, uuid) (${running}))`;
      },
      summary: () => `${VM} on ${HOST} has crashed.`,
      description: () =>
        'The guest panicked or its QEMU process died. Save the log in /var/log/libvirt/qemu, then start the VM, on another host if this one is at fault.',
    }),
    alert({
      alert: 'DomainUnresponsive',
      severity: 'critical',
      subject: 'vm',
      component: 'vm',
      for: '5m',
      thresholds: {},
      // The series exists while the VM does not answer; the host's clock may be ahead of Prometheus'.
      expr: (_, { metric }) =>
        `clamp_min(time() - ${metric('virtune_domain_unresponsive_since_timestamp_seconds')}, 0)`,
      summary: () => `${VM} on ${HOST} has not answered libvirt for ${LASTING}.`,
      description: () =>
        'Its QEMU process hangs, usually on storage. The guest may still run, but libvirt cannot query or change it.',
    }),
    alert({
      alert: 'GuestBallooned',
      severity: 'info',
      subject: 'vm',
      component: 'memory',
      for: '30m',
      thresholds: {
        taken: { value: 0.3, unit: 'share', from: 'our choice: about a third of its maximum memory' },
      },
      expr: ({ taken }, context) =>
        `1 - ${context.metric('libvirt_domain_info_memory_usage_bytes')} / ${context.metric('libvirt_domain_info_maximum_memory_bytes')} > ${taken} unless ${ON_VM} ${state('!="running"', context)}`,
      summary: () => `The balloon has taken ${SHARE} of the memory of ${VM} on ${HOST}.`,
      description: () =>
        'The guest has less page cache than its size suggests. If the host has free memory, deflate the balloon with virsh setmem; otherwise find what uses the memory.',
    }),
    alert({
      alert: 'GuestMemoryStarved',
      severity: 'warning',
      subject: 'vm',
      component: 'memory',
      for: '5m',
      thresholds: {
        usable: { value: 0.05, unit: 'share', from: 'our choice, after KubeVirt' },
        faults: { value: 5, unit: 'per second', from: 'KubeVirt: page faults that need the disk' },
        swapIn: {
          value: 20_480,
          unit: 'bytes per second',
          from: 'as faults: five pages per second; a guest that wakes up swaps in a few',
        },
      },
      expr: ({ usable, faults, swapIn }, { range, metric }) =>
        `${metric('libvirt_domain_memory_stats_usable_bytes')} / ${metric('libvirt_domain_memory_stats_available_bytes')} < ${usable} and (rate(${metric('libvirt_domain_memory_stats_major_fault_total')}[${range('5m')}]) > ${faults} or rate(${metric('libvirt_domain_memory_stats_swap_in_bytes_total')}[${range('5m')}]) > ${swapIn})`,
      summary: () => `${VM} on ${HOST} has ${SHARE} of its memory usable and reads pages back from disk.`,
      description: () =>
        'Workloads in the guest are slow. Deflate its balloon first. If the VM already has its maximum memory, it needs more, or a process in it leaks.',
    }),
  ],
};

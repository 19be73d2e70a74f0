import { BY_VM, metric } from '../../promql.ts';
import { type AlertGroup, alert } from '../rule.ts';
import { HOST, LASTING, SHARE, VM } from '../text.ts';

const state = (word: 'running' | 'paused' | 'shutoff' | 'crashed'): string =>
  metric('libvirt_domain_info_state', `state_desc="${word}"`);
const REASON = metric('libvirt_domain_info_state_reason');
/** virDomainPausedReason: paused by a user. */
const PAUSED_BY_USER = 1;
/** virDomainShutoffReason: QEMU exited unexpectedly. */
const SHUTOFF_CRASHED = 3;

export const guestAlerts: AlertGroup = {
  name: 'guests',
  help: 'VMs that are paused, crashed, unresponsive or short of memory.',
  alerts: [
    alert({
      alert: 'DomainPaused',
      severity: 'critical',
      component: 'vm',
      for: '5m',
      thresholds: {},
      expr: () => `${REASON} != ${PAUSED_BY_USER} and ${BY_VM} ${state('paused')}`,
      summary: () => `${VM} on ${HOST} is paused, but not by a user.`,
      description: () =>
        '{{ if eq $value 5.0 }}Paused by an I/O error. Check whether the storage pool is full or unreachable, fix that, then resume the VM.{{ else if eq $value 6.0 }}Paused by its watchdog: the guest hung. Take a dump, then reset the VM.{{ else }}Paused for reason {{ $value }} (virDomainPausedReason); virsh domstate --reason shows its name.{{ end }}',
    }),
    alert({
      alert: 'DomainCrashed',
      severity: 'critical',
      component: 'vm',
      for: '0s',
      thresholds: {},
      expr: () => `${state('crashed')} or (${state('shutoff')} and ${BY_VM} ${REASON} == ${SHUTOFF_CRASHED})`,
      summary: () => `${VM} on ${HOST} has crashed.`,
      description: () =>
        'The guest panicked or its QEMU process died. Save the log in /var/log/libvirt/qemu, then start the VM, on another host if this one is at fault.',
    }),
    alert({
      alert: 'DomainUnresponsive',
      severity: 'critical',
      component: 'vm',
      for: '5m',
      thresholds: {},
      expr: () => `time() - ${metric('virtune_domain_unresponsive_since_timestamp_seconds')} > 0`,
      summary: () => `${VM} on ${HOST} has not answered libvirt for ${LASTING}.`,
      description: () =>
        'Its QEMU process hangs, usually on storage. The guest may still run, but libvirt cannot query or change it.',
    }),
    alert({
      alert: 'GuestBallooned',
      severity: 'info',
      component: 'memory',
      for: '30m',
      thresholds: {
        taken: { value: 0.3, unit: 'share', from: 'our choice: about a third of its maximum memory' },
      },
      expr: ({ taken }) =>
        `1 - ${metric('libvirt_domain_info_memory_usage_bytes')} / ${metric('libvirt_domain_info_maximum_memory_bytes')} > ${taken} and ${BY_VM} ${state('running')}`,
      summary: () => `The balloon has taken ${SHARE} of the memory of ${VM} on ${HOST}.`,
      description: () =>
        'The guest has less page cache than its size suggests. If the host has free memory, deflate the balloon with virsh setmem; otherwise find what uses the memory.',
    }),
    alert({
      alert: 'GuestMemoryStarved',
      severity: 'warning',
      component: 'memory',
      for: '5m',
      thresholds: {
        usable: { value: 0.05, unit: 'share', from: 'our choice, after KubeVirt' },
        faults: { value: 5, unit: 'per second', from: 'KubeVirt: page faults that need the disk' },
      },
      expr: ({ usable, faults }, { range }) =>
        `${metric('libvirt_domain_memory_stats_usable_bytes')} / ${metric('libvirt_domain_memory_stats_available_bytes')} < ${usable} and (rate(${metric('libvirt_domain_memory_stats_major_fault_total')}[${range('5m')}]) > ${faults} or rate(${metric('libvirt_domain_memory_stats_swap_in_bytes_total')}[${range('5m')}]) > 0)`,
      summary: () => `${VM} on ${HOST} has ${SHARE} of its memory usable and reads pages back from disk.`,
      description: () =>
        'Workloads in the guest are slow. Deflate its balloon first. If the VM already has its maximum memory, it needs more, or a process in it leaks.',
    }),
  ],
};

import { BY_VM, metric } from '../../promql.ts';
import { type AlertGroup, alert } from '../rule.ts';
import { HOST, LASTING, SHARE, VM } from '../text.ts';

const state = (word: 'running' | 'paused' | 'shutoff' | 'crashed'): string =>
  metric('libvirt_domain_info_state', `state_desc="${word}"`);
const REASON = metric('libvirt_domain_info_state_reason');
/** virDomainPausedReason: by the user's hand. */
const PAUSED_BY_USER = 1;
/** virDomainShutoffReason: its QEMU ended by itself. */
const SHUTOFF_CRASHED = 3;

export const guestAlerts: AlertGroup = {
  name: 'guests',
  help: 'VMs that stand, fell, or starve.',
  alerts: [
    alert({
      alert: 'DomainPaused',
      severity: 'critical',
      component: 'vm',
      for: '5m',
      thresholds: {},
      expr: () => `${REASON} != ${PAUSED_BY_USER} and ${BY_VM} ${state('paused')}`,
      summary: () => `${VM} on ${HOST} is paused, and nobody paused it.`,
      description: () =>
        '{{ if eq $value 5.0 }}After an I/O error: see whether the pool is full or the storage gone, mend that, then resume it.{{ else if eq $value 6.0 }}By its watchdog: the guest hung; take a dump, then reset it.{{ else }}For the reason with number {{ $value }} (virDomainPausedReason); virsh domstate --reason says it in words.{{ end }}',
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
        'Its guest panicked or its QEMU is gone. Save the log in /var/log/libvirt/qemu, then start it, elsewhere if the host is at fault.',
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
        'Its QEMU hangs, most often in the storage below it. The guest may still run; nothing can be asked of it or changed.',
    }),
    alert({
      alert: 'GuestBallooned',
      severity: 'info',
      component: 'memory',
      for: '30m',
      thresholds: { taken: { value: 0.3, unit: 'share', from: 'ours: a third of what it was sold' } },
      expr: ({ taken }) =>
        `1 - ${metric('libvirt_domain_info_memory_usage_bytes')} / ${metric('libvirt_domain_info_maximum_memory_bytes')} > ${taken} and ${BY_VM} ${state('running')}`,
      summary: () => `The balloon has taken ${SHARE} of the memory of ${VM} on ${HOST}.`,
      description: () =>
        'Its page cache is smaller than its owner thinks. If the host has memory again, give it back; else see who made it scarce.',
    }),
    alert({
      alert: 'GuestMemoryStarved',
      severity: 'warning',
      component: 'memory',
      for: '5m',
      thresholds: {
        usable: { value: 0.05, unit: 'share', from: 'ours, after KubeVirt' },
        faults: { value: 5, unit: 'per second', from: 'KubeVirt: page faults that need the disk' },
      },
      expr: ({ usable, faults }, { range }) =>
        `${metric('libvirt_domain_memory_stats_usable_bytes')} / ${metric('libvirt_domain_memory_stats_available_bytes')} < ${usable} and (rate(${metric('libvirt_domain_memory_stats_major_fault_total')}[${range('5m')}]) > ${faults} or rate(${metric('libvirt_domain_memory_stats_swap_in_bytes_total')}[${range('5m')}]) > 0)`,
      summary: () => `${VM} on ${HOST} has ${SHARE} of its memory left, and reads it back from disk.`,
      description: () =>
        'What runs in it is slow. Give its balloon back first; if it has all it was sold, it needs more, or a process in it leaks.',
    }),
  ],
};

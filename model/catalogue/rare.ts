import { nsToSeconds } from '../units.ts';
import { type Group, scaled } from './metric.ts';

/** Groups that not every VM has something to tell in. */
export const cpuGroup = {
  name: 'cpu',
  help: 'Time that each VM spent polling before it halted.',
  byDefault: false,
  costs: 'A monitor command a VM, for two figures.',
  metrics: [
    {
      per: 'domain',
      type: 'counter',
      name: 'libvirt_domain_halt_poll_success_seconds_total',
      help: 'Time spent polling that ended with work for the vCPU, in seconds.',
      needs: 'KVM',
      read: ({ cpu }) => scaled(cpu.haltPollSuccessNs, nsToSeconds),
    },
    {
      per: 'domain',
      type: 'counter',
      name: 'libvirt_domain_halt_poll_fail_seconds_total',
      help: 'Time spent polling in vain, in seconds: CPU burnt to wake up faster.',
      needs: 'KVM',
      read: ({ cpu }) => scaled(cpu.haltPollFailNs, nsToSeconds),
    },
  ],
} as const satisfies Group;

export const ioThreadGroup = {
  name: 'iothread',
  help: 'How each iothread polls.',
  byDefault: true,
  costs: 'A monitor command for each VM that has iothreads.',
  metrics: [
    {
      per: 'ioThread',
      type: 'gauge',
      name: 'libvirt_domain_iothread_poll_max_seconds',
      help: 'Longest time that the iothread polls before it sleeps, in seconds; 0: it does not poll.',
      read: (thread) => scaled(thread.pollMaxNs, nsToSeconds),
    },
    {
      per: 'ioThread',
      type: 'gauge',
      name: 'libvirt_domain_iothread_poll_grow',
      help: 'Factor by which polling time grows; 0: the built-in factor.',
      read: (thread) => thread.pollGrow,
    },
    {
      per: 'ioThread',
      type: 'gauge',
      name: 'libvirt_domain_iothread_poll_shrink',
      help: 'Divisor by which polling time shrinks; 0: it falls to nothing.',
      read: (thread) => thread.pollShrink,
    },
  ],
} as const satisfies Group;

export const perfGroup = {
  name: 'perf',
  help: 'Counts of hardware and software events.',
  byDefault: true,
  costs: 'Asked only of VMs whose XML enables an event; no monitor command.',
  metrics: [
    {
      per: 'domain',
      type: 'counter',
      name: 'libvirt_domain_perf_events_total',
      help: 'Events counted for the VM, by event.',
      labels: ['event'],
      needs: "<perf> with an enabled event in the VM's XML",
      points: function* ({ perf }) {
        for (const [event, count] of perf) yield [[event], count];
      },
    },
  ],
} as const satisfies Group;

const MEGABYTE = 1_024 * 1_024;

export const dirtyRateGroup = {
  name: 'dirtyrate',
  help: 'How fast each VM writes to its memory, where somebody measured it; virtune never starts a measurement.',
  byDefault: false,
  costs: 'A monitor command a VM.',
  metrics: [
    {
      per: 'domain',
      type: 'gauge',
      name: 'libvirt_domain_dirty_rate_bytes_per_second',
      help: 'Memory that the guest dirtied a second in the last measurement, in bytes.',
      needs: 'a finished measurement (virsh domdirtyrate-calc)',
      // 2: VIR_DOMAIN_DIRTYRATE_MEASURED
      read: ({ dirtyRate }) =>
        dirtyRate.status === 2 ? scaled(dirtyRate.megabytesPerSecond, (rate) => rate * MEGABYTE) : undefined,
    },
    {
      per: 'domain',
      type: 'gauge',
      name: 'libvirt_domain_dirty_rate_period_seconds',
      help: 'How long the last measurement took, in seconds.',
      needs: 'a finished measurement (virsh domdirtyrate-calc)',
      read: ({ dirtyRate }) => (dirtyRate.status === 2 ? dirtyRate.periodSeconds : undefined),
    },
  ],
} as const satisfies Group;

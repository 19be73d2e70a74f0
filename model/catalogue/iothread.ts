import { nsToSeconds } from '../units.ts';
import { type Group, scaled } from './metric.ts';

export const ioThreadGroup = {
  name: 'iothread',
  help: 'Polling settings of each iothread.',
  byDefault: true,
  costs: 'One monitor command per VM with iothreads.',
  metrics: [
    {
      per: 'ioThread',
      type: 'gauge',
      name: 'libvirt_domain_iothread_poll_max_seconds',
      help: 'Maximum polling time of the iothread, in seconds; 0: no polling.',
      read: (thread) => scaled(thread.pollMaxNs, nsToSeconds),
    },
    {
      per: 'ioThread',
      type: 'gauge',
      name: 'libvirt_domain_iothread_poll_grow',
      help: 'Factor by which polling time grows; 0: the default factor.',
      read: (thread) => thread.pollGrow,
    },
    {
      per: 'ioThread',
      type: 'gauge',
      name: 'libvirt_domain_iothread_poll_shrink',
      help: 'Divisor by which polling time shrinks; 0: it drops to 0.',
      read: (thread) => thread.pollShrink,
    },
    {
      per: 'ioThread',
      type: 'gauge',
      name: 'libvirt_domain_iothread_poll_weight',
      help: 'Weight of the latest wait in the adaptive polling time, as a power of two.',
      needs: 'a libvirt and QEMU with polling weights (seen on 12.9.0 with QEMU 11.1)',
      read: (thread) => thread.pollWeight,
    },
  ],
} as const satisfies Group;

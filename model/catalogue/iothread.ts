import { nsToSeconds } from '../units.ts';
import { type Group, scaled } from './metric.ts';

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

import { nsToSeconds } from '../units.ts';
import { type Group, scaled } from './metric.ts';

export const cpuGroup = {
  name: 'cpu',
  help: 'Halt polling time of each VM.',
  byDefault: false,
  costs: 'One monitor command per VM, for two figures.',
  metrics: [
    {
      per: 'domain',
      type: 'counter',
      name: 'libvirt_domain_halt_poll_success_seconds_total',
      help: 'Successful halt polling time, in seconds: the vCPU got work while it polled.',
      needs: 'KVM',
      read: ({ cpu }) => scaled(cpu.haltPollSuccessNs, nsToSeconds),
    },
    {
      per: 'domain',
      type: 'counter',
      name: 'libvirt_domain_halt_poll_fail_seconds_total',
      help: 'Failed halt polling time, in seconds: CPU time spent only to wake up faster.',
      needs: 'KVM',
      read: ({ cpu }) => scaled(cpu.haltPollFailNs, nsToSeconds),
    },
  ],
} as const satisfies Group;

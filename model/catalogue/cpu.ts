import { nsToSeconds } from '../units.ts';
import { type Group, scaled } from './metric.ts';

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

import { nsToSeconds } from '../units.ts';
import { type Group, scaled } from './metric.ts';

export const vcpuGroup = {
  name: 'vcpu',
  help: 'State, run time, wait and delay of each vCPU.',
  byDefault: true,
  costs:
    'A call without a monitor command and two small files a vCPU where virtune runs on the host; elsewhere a monitor command a VM.',
  metrics: [
    {
      per: 'vcpu',
      type: 'gauge',
      name: 'libvirt_domain_vcpu_state',
      help: 'State of the vCPU: 0 offline, 1 running, 2 blocked.',
      read: (vcpu) => vcpu.state,
    },
    {
      per: 'vcpu',
      type: 'counter',
      name: 'libvirt_domain_vcpu_time_seconds_total',
      help: 'Time that the vCPU ran, in seconds.',
      read: (vcpu) => scaled(vcpu.timeNs, nsToSeconds),
    },
    {
      per: 'vcpu',
      type: 'counter',
      name: 'libvirt_domain_vcpu_wait_seconds_total',
      help: 'Time that the vCPU waited to run, by the count of the scheduler, in seconds.',
      needs: 'a kernel with scheduler statistics switched on (sysctl kernel.sched_schedstats=1)',
      read: (vcpu) => scaled(vcpu.waitNs, nsToSeconds),
    },
    {
      per: 'vcpu',
      type: 'counter',
      name: 'libvirt_domain_vcpu_delay_seconds_total',
      help: 'Time that the vCPU could have run but got no CPU, in seconds: what the guest sees as steal.',
      read: (vcpu) => scaled(vcpu.delayNs, nsToSeconds),
    },
    {
      per: 'vcpu',
      type: 'gauge',
      name: 'libvirt_domain_vcpu_halted',
      help: '1 while the guest has halted the vCPU.',
      needs: 's390x: libvirt tells it nowhere else',
      read: (vcpu) => (vcpu.halted === undefined ? undefined : Number(vcpu.halted)),
    },
  ],
} as const satisfies Group;

import { nsToSeconds } from '../units.ts';
import { type Group, scaled } from './metric.ts';

export const vcpuGroup = {
  name: 'vcpu',
  help: 'State, run time, wait and delay of each vCPU.',
  byDefault: true,
  costs:
    'Where virtune runs on the host, one call without a monitor command and two small files per vCPU; elsewhere one monitor command per VM.',
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
      help: 'Wait time of the vCPU as counted by the scheduler, in seconds.',
      needs: 'a kernel with scheduler statistics enabled (sysctl kernel.sched_schedstats=1)',
      read: (vcpu) => scaled(vcpu.waitNs, nsToSeconds),
    },
    {
      per: 'vcpu',
      type: 'counter',
      name: 'libvirt_domain_vcpu_delay_seconds_total',
      help: 'CPU steal of the vCPU: time that it was ready to run but had no CPU, in seconds. VMware calls it ready.',
      read: (vcpu) => scaled(vcpu.delayNs, nsToSeconds),
    },
    {
      per: 'vcpu',
      type: 'gauge',
      name: 'libvirt_domain_vcpu_halted',
      help: '1 while the guest has halted the vCPU.',
      needs: 's390x',
      read: (vcpu) => (vcpu.halted === undefined ? undefined : Number(vcpu.halted)),
    },
  ],
} as const satisfies Group;

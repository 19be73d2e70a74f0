import type { Group } from './metric.ts';

export const placementGroup = {
  name: 'placement',
  help: 'The host CPU that each vCPU runs on.',
  byDefault: false,
  costs: 'One call per VM, without a monitor command.',
  metrics: [
    {
      per: 'vcpuPlace',
      type: 'gauge',
      name: 'libvirt_domain_vcpu_cpu',
      help: 'CPU of the host that the vCPU was last seen on.',
      read: ({ cpu }) => (cpu < 0 ? undefined : cpu),
    },
  ],
} as const satisfies Group;

import type { Group } from './metric.ts';

export const placementGroup = {
  name: 'placement',
  help: 'The host CPU that each vCPU runs on.',
  byDefault: false,
  costs: 'A call a VM that touches no monitor.',
  metrics: [
    {
      per: 'vcpuPlace',
      type: 'gauge',
      name: 'libvirt_domain_vcpu_cpu',
      help: 'CPU of the host that the vCPU ran on when it was last seen.',
      read: ({ cpu }) => (cpu < 0 ? undefined : cpu),
    },
  ],
} as const satisfies Group;

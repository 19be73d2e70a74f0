import { DIRTY_RATE_MEASURED } from '../stats/types.ts';
import { type Group, type Point, scaled } from './metric.ts';

const MEGABYTE = 1_024 * 1_024;

export const dirtyRateGroup = {
  name: 'dirtyrate',
  help: 'Memory dirty rate of each VM, where it was measured; virtune never starts a measurement.',
  byDefault: false,
  costs: 'One monitor command per VM.',
  metrics: [
    {
      per: 'domain',
      type: 'gauge',
      name: 'libvirt_domain_dirty_rate_bytes_per_second',
      help: 'Memory dirtied per second by the guest in the last measurement, in bytes.',
      needs: 'a finished measurement (virsh domdirtyrate-calc)',
      read: ({ dirtyRate }) =>
        dirtyRate.status === DIRTY_RATE_MEASURED
          ? scaled(dirtyRate.megabytesPerSecond, (rate) => rate * MEGABYTE)
          : undefined,
    },
    {
      per: 'domain',
      type: 'gauge',
      name: 'libvirt_domain_vcpu_dirty_rate_bytes_per_second',
      help: 'Memory dirtied per second by each vCPU in the last measurement, in bytes.',
      labels: ['vcpu'],
      needs: 'a finished measurement by vCPU (virsh domdirtyrate-calc --mode=dirty-ring)',
      points: ({ dirtyRate, vcpuDirtyRate }): Point[] =>
        dirtyRate.status === DIRTY_RATE_MEASURED
          ? [...vcpuDirtyRate].map(([vcpu, rate]) => [[String(vcpu)], rate * MEGABYTE])
          : [],
    },
    {
      per: 'domain',
      type: 'gauge',
      name: 'libvirt_domain_dirty_rate_period_seconds',
      help: 'Duration of the last measurement, in seconds.',
      needs: 'a finished measurement (virsh domdirtyrate-calc)',
      read: ({ dirtyRate }) =>
        dirtyRate.status === DIRTY_RATE_MEASURED ? dirtyRate.periodSeconds : undefined,
    },
  ],
} as const satisfies Group;

import type { ScenarioInput } from '../scenario.ts';
import { calm } from './calm.ts';

export const noisyNeighbour: ScenarioInput = {
  ...calm,
  name: 'noisy-neighbour',
  description: 'A batch VM is pinned to two of the CPUs of pg-orders, which now waits for them.',
  vms: [
    ...calm.vms.map((vm) => (vm.name === 'pg-orders' ? { ...vm, load: 1.6 } : vm)),
    {
      name: 'noisy-build',
      workload: 'batch',
      // Noisy at any time of day.
      load: 3,
      // On each of two CPUs it has half of its weight, and the database with four vCPUs a quarter: it gets two thirds
      // of them.
      vcpus: 2,
      memoryMiB: 8_192,
      disks: [{ target: 'vda', sizeGiB: 60, cache: 'unsafe' }],
      pins: ['0', '1'],
    },
  ],
};

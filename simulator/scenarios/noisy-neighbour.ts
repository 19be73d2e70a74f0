import type { ScenarioInput } from '../scenario.ts';
import { calm } from './calm.ts';

export const noisyNeighbour: ScenarioInput = {
  ...calm,
  name: 'noisy-neighbour',
  description: 'A batch VM is pinned to the CPUs of pg-orders, which now waits for them.',
  vms: [
    // With less than half of its CPUs it would have them from a fair scheduler, and wait for no neighbour.
    ...calm.vms.map((vm) => (vm.name === 'pg-orders' ? { ...vm, load: 2.5 } : vm)),
    {
      name: 'noisy-build',
      workload: 'batch',
      // Noisy at any hour of any day.
      load: 3,
      vcpus: 4,
      memoryMiB: 8_192,
      disks: [{ target: 'vda', sizeGiB: 60, cache: 'unsafe' }],
      pins: ['0', '1', '2', '3'],
    },
  ],
};

import type { ScenarioInput } from '../scenario.ts';
import { calm } from './calm.ts';

export const overcommitted: ScenarioInput = {
  ...calm,
  name: 'overcommitted',
  description: 'More runnable vCPUs than CPUs for most of the day: every VM without dedicated CPUs waits.',
  load: 1.2,
  vms: [
    ...calm.vms,
    ...Array.from({ length: 14 }, (_, index) => ({
      name: `batch-night-${String(index + 1).padStart(2, '0')}`,
      workload: 'batch' as const,
      vcpus: 4,
      memoryMiB: 8_192,
      disks: [{ target: 'vda', sizeGiB: 60, cache: 'writeback' as const }],
    })),
  ],
};

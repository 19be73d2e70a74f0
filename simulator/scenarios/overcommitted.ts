import type { ScenarioInput } from '../scenario.ts';
import { calm } from './calm.ts';

/**
 * A VM has contention only if it demands more than its fair share of the host, the same for all: 1.2 of 32 CPUs here.
 */
const LOADS: Readonly<Record<string, number>> = { oltp: 1.2, web: 3.5, windows: 2.2 };

export const overcommitted: ScenarioInput = {
  ...calm,
  name: 'overcommitted',
  description: 'More runnable vCPUs than CPUs for most of the day: every VM without dedicated CPUs waits.',
  load: 1.2,
  vms: [
    ...calm.vms.map((vm) => ({ ...vm, load: LOADS[vm.workload] ?? 1 })),
    ...Array.from({ length: 14 }, (_, index) => ({
      name: `batch-night-${String(index + 1).padStart(2, '0')}`,
      workload: 'batch' as const,
      vcpus: 4,
      memoryMiB: 8_192,
      disks: [{ target: 'vda', sizeGiB: 60, cache: 'writeback' as const }],
    })),
  ],
};

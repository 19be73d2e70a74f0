import type { ScenarioInput } from '../scenario.ts';
import { calm } from './calm.ts';

export const ioStorm: ScenarioInput = {
  ...calm,
  name: 'io-storm',
  description: 'Six backup jobs use the same storage as the databases, and all VMs wait for it.',
  host: { storageMiBps: 250 },
  vms: [
    ...calm.vms,
    ...Array.from({ length: 6 }, (_, index) => ({
      name: `backup-${index + 1}`,
      workload: 'batch' as const,
      vcpus: 2,
      memoryMiB: 4_096,
      disks: ['vda', 'vdb', 'vdc', 'vdd'].map((target) => ({
        target,
        sizeGiB: 150,
        cache: 'writeback' as const,
      })),
    })),
  ],
};

import type { ScenarioInput } from '../scenario.ts';
import { calm } from './calm.ts';

export const numaSplitDatabase: ScenarioInput = {
  ...calm,
  name: 'numa-split-database',
  description: 'pg-orders has vCPUs on both NUMA cells, and its memory is not bound to a cell.',
  vms: calm.vms.map(({ numaNode, hugepagesKiB, ...vm }) =>
    vm.name === 'pg-orders'
      ? { ...vm, pins: ['0', '1', '8', '9'] }
      : {
          ...vm,
          ...(numaNode === undefined ? {} : { numaNode }),
          ...(hugepagesKiB === undefined ? {} : { hugepagesKiB }),
        },
  ),
};

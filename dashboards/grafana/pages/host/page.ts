import { type Page, page } from '../../page.ts';
import { diskRequestsByVm } from '../disk-requests.ts';
import { busy, cpuByMode, cpuContention, cpuPressure, cpuStealByVm, vcpuRatio, vmsByCpu } from './cpu.ts';
import { blockLatency, ioPressure, network, networkDrops } from './io.ts';
import {
  availableFigure,
  hostMemory,
  ksm,
  memoryAllocation,
  memoryOvercommit,
  memoryPressure,
  swap,
} from './memory.ts';
import { cellCpu, cellMemory, hugepageShortfall, hugepages, vmsByCell } from './numa.ts';
import { vmsOfHost } from './vms.ts';

/** Utilization, saturation and errors of each resource (Brendan Gregg's USE method). */
export function hostPage(): Page {
  return page({
    name: 'host',
    title: 'KVM host',
    scope: 'host',
    help: 'One host by resource: utilization, contention, errors, NUMA cells, and the VMs on it.',
    rows: [
      {
        title: 'Overview',
        panels: [
          vcpuRatio(),
          cpuContention(),
          busy(),
          memoryOvercommit(),
          availableFigure(),
          hugepageShortfall(),
        ],
      },
      { title: 'CPU', panels: [cpuByMode(), vmsByCpu(), cpuStealByVm(), cpuPressure()] },
      { title: 'Memory', panels: [hostMemory(), memoryAllocation(), memoryPressure(), swap(), ksm()] },
      { title: 'NUMA', panels: [cellMemory(), cellCpu(), hugepages(), vmsByCell()] },
      { title: 'Disk', panels: [diskRequestsByVm(8), blockLatency(), ioPressure()] },
      { title: 'Network', panels: [network(), networkDrops()] },
      { title: 'VMs', panels: [vmsOfHost()] },
    ],
  });
}

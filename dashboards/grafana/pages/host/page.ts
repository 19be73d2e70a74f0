import { type Page, page } from '../../page.ts';
import { busy, cpuByMode, cpuContention, cpuFigure, cpuPressure, vcpuRatio, vmsByCpu } from './cpu.ts';
import { blockLatency, blockRequests, ioPressure, network, networkDrops } from './io.ts';
import {
  availableFigure,
  hostMemory,
  ksm,
  memoryPressure,
  promised,
  promisedFigure,
  swap,
} from './memory.ts';
import { cellCpu, cellMemory, hugepages, hugepagesMissing, vmsByCell } from './numa.ts';
import { vmsOfHost } from './vms.ts';

/** For each resource: how much is used, who waits for it, what went wrong (Brendan Gregg's USE). */
export function hostPage(): Page {
  return page({
    name: 'host',
    title: 'KVM host',
    help: 'One host by resource: what is used, who waits, what its NUMA cells have left, and the VMs on it.',
    rows: [
      {
        title: 'At a glance',
        panels: [vcpuRatio(), cpuFigure(), busy(), promisedFigure(), availableFigure(), hugepagesMissing()],
      },
      { title: 'CPU', panels: [cpuByMode(), vmsByCpu(), cpuContention(), cpuPressure()] },
      { title: 'Memory', panels: [hostMemory(), promised(), memoryPressure(), swap(), ksm()] },
      { title: 'NUMA', panels: [cellMemory(), cellCpu(), hugepages(), vmsByCell()] },
      { title: 'Disk', panels: [blockRequests(), blockLatency(), ioPressure()] },
      { title: 'Network', panels: [network(), networkDrops()] },
      { title: 'VMs', panels: [vmsOfHost()] },
    ],
  });
}

import { type Page, page } from '../../page.ts';
import { appliedProfiles } from '../profiles.ts';
import { cpuByVcpu, cpuFigure, stateFigure, stealByVcpu, stealFigure, vcpus } from './cpu.ts';
import { disks, missing, tuned } from './facts.ts';
import {
  errors,
  latency,
  latencySpread,
  networkPackets,
  networkTraffic,
  requests,
  throughput,
} from './io.ts';
import { faults, guestMemory, memoryFigure, usableFigure } from './memory.ts';

export function vmPage(): Page {
  return page({
    name: 'vm',
    title: 'KVM virtual machine',
    help: 'One or more VMs: CPU usage and steal, memory, disk, network, configuration, and missing metrics.',
    scope: 'vm',
    annotations: [appliedProfiles()],
    rows: [
      {
        title: 'Overview',
        panels: [stateFigure(), vcpus(), cpuFigure(), stealFigure(), memoryFigure(), usableFigure()],
      },
      { title: 'CPU', panels: [cpuByVcpu(), stealByVcpu()] },
      { title: 'Memory', panels: [guestMemory(), faults()] },
      { title: 'Disk', panels: [requests(), throughput(), latency(), errors(), latencySpread()] },
      { title: 'Network', panels: [networkTraffic(), networkPackets()] },
      { title: 'Configuration', panels: [tuned(), disks(), missing()] },
    ],
  });
}

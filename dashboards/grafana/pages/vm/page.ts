import { type Page, page } from '../../page.ts';
import { domain, instance, job } from '../../variables.ts';
import { appliedProfiles } from '../profiles.ts';
import { cpuByVcpu, cpuDelay, cpuFigure, delayFigure, stateFigure, vcpus } from './cpu.ts';
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
    help: 'One VM, or a few beside each other: what it does, what it waits for, how it is tuned, and why a figure is missing.',
    variables: [job(), instance(), domain()],
    annotations: [appliedProfiles()],
    rows: [
      {
        title: 'At a glance',
        panels: [stateFigure(), vcpus(), cpuFigure(), delayFigure(), memoryFigure(), usableFigure()],
      },
      { title: 'CPU', panels: [cpuByVcpu(), cpuDelay()] },
      { title: 'Memory', panels: [guestMemory(), faults()] },
      { title: 'Disk', panels: [requests(), throughput(), latency(), errors(), latencySpread()] },
      { title: 'Network', panels: [networkTraffic(), networkPackets()] },
      { title: 'What it is', panels: [tuned(), disks(), missing()] },
    ],
  });
}

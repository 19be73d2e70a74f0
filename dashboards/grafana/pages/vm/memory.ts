import { LEGEND } from '../../legends.ts';
import { limitsOf } from '../../limits.ts';
import { figure, graph, stack } from '../../panels.ts';
import { CHOSEN_VM, of, rateOf } from '../../query.ts';

const USABLE = of('libvirt_domain_memory_stats_usable_bytes', CHOSEN_VM);
const AVAILABLE = of('libvirt_domain_memory_stats_available_bytes', CHOSEN_VM);

export const memoryFigure = () =>
  figure({
    title: 'Balloon size',
    help: 'Current balloon size / maximum memory of the VM.',
    unit: 'percentunit',
    queries: [
      {
        expr: `${of('libvirt_domain_info_memory_usage_bytes', CHOSEN_VM)} / ${of('libvirt_domain_info_maximum_memory_bytes', CHOSEN_VM)}`,
        legend: LEGEND.vm,
      },
    ],
    span: 4,
  });

export const usableFigure = () =>
  figure({
    title: 'Usable memory',
    help: 'Share of guest memory that is usable without swapping. Needs a balloon stats period.',
    unit: 'percentunit',
    queries: [{ expr: `${USABLE} / ${AVAILABLE}`, legend: LEGEND.vm }],
    limits: limitsOf('red', ['green', 'GuestMemoryStarved', 'usable']),
    span: 4,
  });

/** Parts of the maximum memory; they add up if the guest reports. */
export const guestMemory = () =>
  stack({
    title: 'Guest memory',
    help: 'Used memory, usable memory (free and reclaimable caches), and memory taken by the balloon.',
    unit: 'bytes',
    queries: [
      {
        expr: of('libvirt_domain_memory_stats_used_bytes', CHOSEN_VM),
        legend: `used ${LEGEND.vm}`,
      },
      { expr: USABLE, legend: `usable ${LEGEND.vm}` },
      {
        expr: `${of('libvirt_domain_memory_stats_maximum_bytes', CHOSEN_VM)} - ${of('libvirt_domain_memory_stats_current_balloon_bytes', CHOSEN_VM)}`,
        legend: `taken by the balloon ${LEGEND.vm}`,
      },
    ],
  });

export const faults = () =>
  graph({
    title: 'Major page faults',
    help: 'Major faults per second in the guest: pages read from swap or files. Many faults with little usable memory mean that the guest needs more memory.',
    unit: 'ops',
    queries: [
      {
        expr: rateOf('libvirt_domain_memory_stats_major_fault_total', CHOSEN_VM),
        legend: LEGEND.vm,
      },
    ],
    limits: limitsOf('green', ['orange', 'GuestMemoryStarved', 'faults']),
  });

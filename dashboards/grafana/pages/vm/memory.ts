import { limitsOf } from '../../limits.ts';
import { figure, graph, stack } from '../../panels.ts';
import { CHOSEN_VM, of, rateOf } from '../../query.ts';

const USABLE = of('libvirt_domain_memory_stats_usable_bytes', CHOSEN_VM);
const AVAILABLE = of('libvirt_domain_memory_stats_available_bytes', CHOSEN_VM);

export const memoryFigure = () =>
  figure({
    title: 'Memory given',
    help: 'Share of the most it may have that the balloon leaves it now.',
    unit: 'percentunit',
    queries: [
      {
        expr: `${of('libvirt_domain_info_memory_usage_bytes', CHOSEN_VM)} / ${of('libvirt_domain_info_maximum_memory_bytes', CHOSEN_VM)}`,
        legend: '{{domain}}',
      },
    ],
    span: 4,
  });

export const usableFigure = () =>
  figure({
    title: 'Memory usable',
    help: "Share of what the guest sees that it could use without swapping. Needs the balloon's stats period.",
    unit: 'percentunit',
    queries: [{ expr: `${USABLE} / ${AVAILABLE}`, legend: '{{domain}}' }],
    limits: limitsOf('red', ['green', 'GuestMemoryStarved', 'usable']),
    span: 4,
  });

/** Parts of what it may have at most; they add up, where the guest reports. */
export const guestMemory = () =>
  stack({
    title: 'Memory of the guest',
    help: 'What it uses, what its caches could give back, and what the balloon has taken. Beside them: what its process holds on the host.',
    unit: 'bytes',
    queries: [
      { expr: of('libvirt_domain_memory_stats_used_bytes', CHOSEN_VM), legend: 'used {{domain}}' },
      { expr: USABLE, legend: 'usable {{domain}}' },
      {
        expr: `${of('libvirt_domain_memory_stats_maximum_bytes', CHOSEN_VM)} - ${of('libvirt_domain_memory_stats_current_balloon_bytes', CHOSEN_VM)}`,
        legend: 'taken by the balloon {{domain}}',
      },
    ],
  });

export const faults = () =>
  graph({
    title: 'Memory that comes from disk',
    help: 'Major faults a second in the guest: pages that it had to read, from swap or from files. Many of them with little usable memory is starvation.',
    unit: 'ops',
    queries: [
      {
        expr: rateOf('libvirt_domain_memory_stats_major_fault_total', CHOSEN_VM),
        legend: '{{domain}}',
      },
    ],
    limits: limitsOf('green', ['orange', 'GuestMemoryStarved', 'faults']),
  });

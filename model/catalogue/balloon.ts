import { memoryUsedKiB } from '../stats/types.ts';
import { kibToBytes } from '../units.ts';
import { type Group, scaled } from './metric.ts';

export const balloonGroup = {
  name: 'balloon',
  help: 'Memory statistics from the guest (dommemstat), for VMs whose balloon driver reports and whose XML sets a stats period.',
  byDefault: true,
  costs: 'One or two monitor commands per VM with a balloon stats period.',
  metrics: [
    {
      per: 'domain',
      type: 'counter',
      name: 'libvirt_domain_memory_stats_swap_in_bytes_total',
      help: 'Memory that the guest swapped in, in bytes (dommemstat: swap_in).',
      read: ({ balloon }) => scaled(balloon.swapInKiB, kibToBytes),
    },
    {
      per: 'domain',
      type: 'counter',
      name: 'libvirt_domain_memory_stats_swap_out_bytes_total',
      help: 'Memory that the guest swapped out, in bytes (dommemstat: swap_out).',
      read: ({ balloon }) => scaled(balloon.swapOutKiB, kibToBytes),
    },
    {
      per: 'domain',
      type: 'counter',
      name: 'libvirt_domain_memory_stats_major_fault_total',
      help: 'Page faults in the guest that needed the disk (dommemstat: major_fault).',
      read: ({ balloon }) => balloon.majorFaults,
    },
    {
      per: 'domain',
      type: 'counter',
      name: 'libvirt_domain_memory_stats_minor_fault_total',
      help: 'Page faults in the guest that needed no disk (dommemstat: minor_fault).',
      read: ({ balloon }) => balloon.minorFaults,
    },
    {
      per: 'domain',
      type: 'gauge',
      name: 'libvirt_domain_memory_stats_unused_bytes',
      help: 'Free memory in the guest, in bytes (dommemstat: unused).',
      read: ({ balloon }) => scaled(balloon.unusedKiB, kibToBytes),
    },
    {
      per: 'domain',
      type: 'gauge',
      name: 'libvirt_domain_memory_stats_available_bytes',
      help: 'Total memory that the guest sees, in bytes (dommemstat: available).',
      read: ({ balloon }) => scaled(balloon.availableKiB, kibToBytes),
    },
    {
      per: 'domain',
      type: 'gauge',
      name: 'libvirt_domain_memory_stats_usable_bytes',
      help: 'Memory that the guest can use without swapping, in bytes (dommemstat: usable).',
      read: ({ balloon }) => scaled(balloon.usableKiB, kibToBytes),
    },
    {
      per: 'domain',
      type: 'gauge',
      name: 'libvirt_domain_memory_stats_used_bytes',
      help: 'Memory used by the guest, in bytes: available less usable, or less unused.',
      read: ({ balloon }) => scaled(memoryUsedKiB(balloon), kibToBytes),
    },
    {
      per: 'domain',
      type: 'gauge',
      name: 'libvirt_domain_memory_stats_used_percent',
      help: 'Memory used by the guest, in percent of what it sees.',
      read: ({ balloon }) => {
        const used = memoryUsedKiB(balloon);
        const { availableKiB } = balloon;
        return used === undefined || !availableKiB ? undefined : (used / availableKiB) * 100;
      },
    },
    {
      per: 'domain',
      type: 'gauge',
      name: 'libvirt_domain_memory_stats_disk_caches_bytes',
      help: 'Reclaimable page cache of the guest, in bytes (dommemstat: disk_caches).',
      read: ({ balloon }) => scaled(balloon.diskCachesKiB, kibToBytes),
    },
    {
      per: 'domain',
      type: 'counter',
      name: 'libvirt_domain_memory_stats_hugetlb_pgalloc_total',
      help: 'Successful huge page allocations in the guest (dommemstat: hugetlb_pgalloc).',
      read: ({ balloon }) => balloon.hugetlbAllocations,
    },
    {
      per: 'domain',
      type: 'counter',
      name: 'libvirt_domain_memory_stats_hugetlb_pgfail_total',
      help: 'Failed huge page allocations in the guest (dommemstat: hugetlb_pgfail).',
      read: ({ balloon }) => balloon.hugetlbFailures,
    },
  ],
} as const satisfies Group;

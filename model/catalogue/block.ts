import { LIBVIRT_FEATURES } from '../libvirt-features.ts';
import { nsToSeconds } from '../units.ts';
import { windowMetrics } from './block-windows.ts';
import { latencyHistograms } from './latency.ts';
import { type Group, scaled } from './metric.ts';

export const blockGroup = {
  name: 'block',
  help: 'Requests, bytes, times, errors and sizes of each disk.',
  byDefault: true,
  costs: 'Two monitor commands per VM.',
  metrics: [
    {
      per: 'block',
      type: 'counter',
      name: 'libvirt_domain_block_stats_read_bytes_total',
      help: 'Bytes read.',
      read: (block) => block.readBytes,
    },
    {
      per: 'block',
      type: 'counter',
      name: 'libvirt_domain_block_stats_read_requests_total',
      help: 'Read requests.',
      read: (block) => block.readRequests,
    },
    {
      per: 'block',
      type: 'counter',
      name: 'libvirt_domain_block_stats_read_time_seconds_total',
      help: 'Time spent on reads, in seconds.',
      read: (block) => scaled(block.readNs, nsToSeconds),
    },
    {
      per: 'block',
      type: 'counter',
      name: 'libvirt_domain_block_stats_write_bytes_total',
      help: 'Bytes written.',
      read: (block) => block.writeBytes,
    },
    {
      per: 'block',
      type: 'counter',
      name: 'libvirt_domain_block_stats_write_requests_total',
      help: 'Write requests.',
      read: (block) => block.writeRequests,
    },
    {
      per: 'block',
      type: 'counter',
      name: 'libvirt_domain_block_stats_write_time_seconds_total',
      help: 'Time spent on writes, in seconds.',
      read: (block) => scaled(block.writeNs, nsToSeconds),
    },
    {
      per: 'block',
      type: 'counter',
      name: 'libvirt_domain_block_stats_flush_requests_total',
      help: 'Flush requests.',
      read: (block) => block.flushRequests,
    },
    {
      per: 'block',
      type: 'counter',
      name: 'libvirt_domain_block_stats_flush_time_seconds_total',
      help: 'Time spent on flushes, in seconds.',
      read: (block) => scaled(block.flushNs, nsToSeconds),
    },
    {
      per: 'block',
      type: 'counter',
      name: 'libvirt_domain_block_stats_errors_total',
      help: 'Failed requests.',
      read: (block) => block.errors,
    },
    {
      per: 'block',
      type: 'gauge',
      name: 'libvirt_domain_block_stats_allocation_bytes',
      help: 'Offset of the highest byte written, in bytes.',
      read: (block) => block.allocationBytes,
    },
    {
      per: 'block',
      type: 'gauge',
      name: 'libvirt_domain_block_stats_capacity_bytes',
      help: 'Capacity that the guest sees, in bytes.',
      read: (block) => block.capacityBytes,
    },
    {
      per: 'block',
      type: 'gauge',
      name: 'libvirt_domain_block_stats_physical_bytes',
      help: 'Size of the image on the host, in bytes.',
      read: (block) => block.physicalBytes,
    },
    {
      per: 'block',
      type: 'gauge',
      name: 'libvirt_domain_block_stats_threshold_bytes',
      help: 'Write threshold, in bytes; absent where none is set.',
      read: (block) => block.thresholdBytes,
    },
    {
      per: 'block',
      type: 'histogram',
      name: 'libvirt_domain_block_stats_latency_seconds',
      help: 'Request latency by operation, in seconds.',
      labels: ['operation'],
      since: LIBVIRT_FEATURES.blockLatency.libvirt,
      needs:
        "<latency-histogram> in the statistics of the disk's XML (disk.latencyBins in a profile of virtune tune)",
      histograms: latencyHistograms,
    },
    ...windowMetrics,
  ],
} as const satisfies Group;

import type { HostRates } from '../host-rates.ts';
import type { Rates } from '../rates.ts';
import type { BlockStats, NetStats } from '../stats/types.ts';
import { kibToBytes, msToSeconds } from '../units.ts';
import { eitherSum, latencyMs, requestLatencyMs, shareOf } from '../vm-rates.ts';
import { type Figure, type Group, type Point, scaled } from './metric.ts';

const BLOCK = 'libvirt_domain_block_stats';
const NET = 'libvirt_domain_interface_stats';
const SECOND = 'a second sample of the same run of the VM';

function blockRate(name: string, help: string, of: keyof Rates<BlockStats>): Figure<'blockRates'> {
  return {
    per: 'blockRates',
    type: 'gauge',
    name: `${BLOCK}_${name}_per_second`,
    help,
    read: (disk) => disk[of],
  };
}

function netRate(name: string, help: string, of: keyof Rates<NetStats>): Figure<'netRates'> {
  return { per: 'netRates', type: 'gauge', name: `${NET}_${name}_per_second`, help, read: (net) => net[of] };
}

/**
 * Rates between two documents of the same object. Only documents carry them: Prometheus has `rate()`, while Lens and
 * Kibana's alerts would need a pipeline aggregation. Formulas: docs/glossary.md, the same as in `virtune top`.
 */
export const ratesGroup = {
  name: 'rates',
  help: 'Rates since the previous document: CPU usage, steal, IOPS, throughput, request latency, traffic, pressure.',
  byDefault: true,
  costs: 'None: computed from other groups.',
  metrics: [
    {
      per: 'vmRates',
      type: 'gauge',
      name: 'libvirt_domain_cpu_usage_cpus',
      help: 'CPU usage of all threads of the domain, in CPUs of the host: 2 is two CPUs. Known even if its QEMU hangs.',
      needs: SECOND,
      read: ({ cpuUsage }) => cpuUsage,
    },
    {
      per: 'vmRates',
      type: 'gauge',
      name: 'libvirt_domain_cpu_usage_ratio',
      help: 'CPU usage of the domain: run / wall time, mean over its vCPUs.',
      needs: SECOND,
      read: ({ usage }) => usage,
    },
    {
      per: 'vmRates',
      type: 'gauge',
      name: 'libvirt_domain_cpu_steal_ratio',
      help: 'CPU steal of the domain: delay / wall time, mean over its vCPUs. VMware calls it ready.',
      needs: SECOND,
      read: ({ steal }) => steal,
    },
    {
      per: 'vmRates',
      type: 'gauge',
      name: 'libvirt_domain_cpu_wait_ratio',
      help: 'CPU wait of the domain: wait / wall time, mean over its vCPUs.',
      needs: `${SECOND}, and scheduler statistics (sysctl kernel.sched_schedstats=1)`,
      read: ({ wait }) => wait,
    },
    {
      per: 'vmRates',
      type: 'gauge',
      name: 'libvirt_domain_cpu_contention_ratio',
      help: 'CPU contention of the domain: delay / (delay + run) over its vCPUs; 0 without demand.',
      needs: SECOND,
      read: ({ contention }) => contention,
    },
    {
      per: 'vmRates',
      type: 'gauge',
      name: 'libvirt_domain_disk_read_bytes_per_second',
      help: 'Bytes per second read from all disks of the domain.',
      needs: SECOND,
      read: ({ disk }) => disk.readBytes,
    },
    {
      per: 'vmRates',
      type: 'gauge',
      name: 'libvirt_domain_disk_write_bytes_per_second',
      help: 'Bytes per second written to all disks of the domain.',
      needs: SECOND,
      read: ({ disk }) => disk.writeBytes,
    },
    {
      per: 'vmRates',
      type: 'gauge',
      name: 'libvirt_domain_disk_requests_per_second',
      help: 'IOPS: reads and writes per second of all disks of the domain.',
      needs: SECOND,
      read: ({ disk }) => eitherSum(disk.readRequests, disk.writeRequests),
    },
    {
      per: 'vmRates',
      type: 'gauge',
      name: 'libvirt_domain_disk_request_latency_seconds',
      help: 'Mean request latency of all disks of the domain, reads and writes, in seconds.',
      needs: `${SECOND}, and requests since then`,
      read: ({ disk }) => scaled(requestLatencyMs(disk), msToSeconds),
    },
    {
      per: 'vmRates',
      type: 'gauge',
      name: 'libvirt_domain_network_receive_bytes_per_second',
      help: 'Bytes per second that all interfaces of the domain receive.',
      needs: SECOND,
      read: ({ net }) => net.rxBytes,
    },
    {
      per: 'vmRates',
      type: 'gauge',
      name: 'libvirt_domain_network_transmit_bytes_per_second',
      help: 'Bytes per second that all interfaces of the domain send.',
      needs: SECOND,
      read: ({ net }) => net.txBytes,
    },
    {
      per: 'vmRates',
      type: 'gauge',
      name: 'libvirt_domain_network_drops_per_second',
      help: 'Dropped packets per second of all interfaces of the domain, both directions.',
      needs: SECOND,
      read: ({ net }) => eitherSum(net.rxDrops, net.txDrops),
    },
    {
      per: 'vmRates',
      type: 'gauge',
      name: 'libvirt_domain_memory_stats_swap_in_bytes_per_second',
      help: 'Bytes per second that the guest swaps in.',
      needs: SECOND,
      read: ({ memory }) => scaled(memory.swapInKiB, kibToBytes),
    },
    {
      per: 'vmRates',
      type: 'gauge',
      name: 'libvirt_domain_memory_stats_swap_out_bytes_per_second',
      help: 'Bytes per second that the guest swaps out.',
      needs: SECOND,
      read: ({ memory }) => scaled(memory.swapOutKiB, kibToBytes),
    },
    {
      per: 'vmRates',
      type: 'gauge',
      name: 'libvirt_domain_memory_stats_major_faults_per_second',
      help: 'Page faults per second in the guest that needed the disk.',
      needs: SECOND,
      read: ({ memory }) => memory.majorFaults,
    },
    {
      per: 'vcpuRates',
      type: 'gauge',
      name: 'libvirt_domain_vcpu_usage_ratio',
      help: 'CPU usage of the vCPU: run / wall time.',
      needs: SECOND,
      read: ({ timeNs }) => shareOf(timeNs),
    },
    {
      per: 'vcpuRates',
      type: 'gauge',
      name: 'libvirt_domain_vcpu_delay_ratio',
      help: 'CPU steal of the vCPU: delay / wall time. VMware calls it ready.',
      needs: SECOND,
      read: ({ delayNs }) => shareOf(delayNs),
    },
    {
      per: 'vcpuRates',
      type: 'gauge',
      name: 'libvirt_domain_vcpu_wait_ratio',
      help: 'CPU wait of the vCPU: wait / wall time.',
      needs: `${SECOND}, and scheduler statistics (sysctl kernel.sched_schedstats=1)`,
      read: ({ waitNs }) => shareOf(waitNs),
    },
    blockRate('read_bytes', 'Bytes read per second.', 'readBytes'),
    blockRate('write_bytes', 'Bytes written per second.', 'writeBytes'),
    blockRate('read_requests', 'Read requests per second.', 'readRequests'),
    blockRate('write_requests', 'Write requests per second.', 'writeRequests'),
    blockRate('flush_requests', 'Flush requests per second.', 'flushRequests'),
    blockRate('errors', 'Failed requests per second.', 'errors'),
    {
      per: 'blockRates',
      type: 'gauge',
      name: `${BLOCK}_read_latency_seconds`,
      help: 'Mean read latency, in seconds.',
      needs: `${SECOND}, and reads since then`,
      read: (disk) => scaled(latencyMs(disk.readNs, disk.readRequests), msToSeconds),
    },
    {
      per: 'blockRates',
      type: 'gauge',
      name: `${BLOCK}_write_latency_seconds`,
      help: 'Mean write latency, in seconds.',
      needs: `${SECOND}, and writes since then`,
      read: (disk) => scaled(latencyMs(disk.writeNs, disk.writeRequests), msToSeconds),
    },
    {
      per: 'blockRates',
      type: 'gauge',
      name: `${BLOCK}_flush_latency_seconds`,
      help: 'Mean flush latency, in seconds.',
      needs: `${SECOND}, and flushes since then`,
      read: (disk) => scaled(latencyMs(disk.flushNs, disk.flushRequests), msToSeconds),
    },
    netRate('receive_bytes', 'Bytes per second that the guest receives.', 'rxBytes'),
    netRate('receive_packets', 'Packets per second that the guest receives.', 'rxPackets'),
    netRate('receive_drops', 'Dropped packets per second to the guest.', 'rxDrops'),
    netRate('receive_errors', 'Receive errors per second.', 'rxErrors'),
    netRate('transmit_bytes', 'Bytes per second that the guest sends.', 'txBytes'),
    netRate('transmit_packets', 'Packets per second that the guest sends.', 'txPackets'),
    netRate('transmit_drops', 'Dropped packets per second from the guest.', 'txDrops'),
    netRate('transmit_errors', 'Transmit errors per second.', 'txErrors'),
    {
      per: 'hostRates',
      type: 'gauge',
      name: 'libvirt_host_cpu_utilization_ratio',
      help: 'CPU utilization of the host: share of time that its CPUs were not idle; waiting for I/O counts as idle.',
      needs: 'a second sample',
      read: ({ cpu }) => cpu?.busy,
    },
    {
      per: 'hostRates',
      type: 'gauge',
      name: 'libvirt_host_cpu_ratio',
      help: 'Share of the time of all CPUs by mode; user includes nice, kernel includes interrupts.',
      labels: ['mode'],
      values: { mode: ['user', 'kernel', 'iowait', 'steal'] },
      needs: 'a second sample',
      points: ({ cpu }) =>
        points([
          ['user', cpu?.user],
          ['kernel', cpu?.kernel],
          ['iowait', cpu?.ioWait],
          ['steal', cpu?.steal],
        ]),
    },
    {
      per: 'hostRates',
      type: 'gauge',
      name: 'libvirt_host_pressure_ratio',
      help: 'Pressure (PSI): share of time that some or all (full) tasks of the host waited for a resource.',
      labels: ['resource', 'share'],
      values: { resource: ['cpu', 'memory', 'io'], share: ['some', 'full'] },
      needs: 'a second sample, and a local libvirt on a kernel with pressure stall information',
      points: pressurePoints,
    },
    {
      per: 'hostRates',
      type: 'gauge',
      name: 'libvirt_host_swapped_in_pages_per_second',
      help: 'Pages per second that the host swaps in.',
      needs: 'a second sample, and a local libvirt',
      read: ({ swapIn }) => swapIn,
    },
    {
      per: 'hostRates',
      type: 'gauge',
      name: 'libvirt_host_swapped_out_pages_per_second',
      help: 'Pages per second that the host swaps out.',
      needs: 'a second sample, and a local libvirt',
      read: ({ swapOut }) => swapOut,
    },
    {
      per: 'cellRates',
      type: 'gauge',
      name: 'libvirt_host_numa_cpu_utilization_ratio',
      help: 'CPU utilization of the NUMA cell: share of time that its CPUs were not idle; waiting for I/O counts as idle.',
      needs: 'a second sample, and a local libvirt',
      read: ({ busy }) => busy,
    },
  ],
} as const satisfies Group;

function* points(values: readonly (readonly [mode: string, share: number | undefined])[]): Generator<Point> {
  for (const [mode, share] of values) if (share !== undefined) yield [[mode], share];
}

function* pressurePoints({ pressure }: HostRates): Generator<Point> {
  for (const [resource, { some, full }] of pressure) {
    if (some !== undefined) yield [[resource, 'some'], some];
    if (full !== undefined) yield [[resource, 'full'], full];
  }
}

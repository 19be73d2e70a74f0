import type { StreamName } from '../../documents/streams.ts';

/** A line of a panel: a gauge of a stream's mapping. */
export interface Line {
  readonly field: string;
  /** Appended to the name of the host, VM or device; for panels with several fields. */
  readonly label?: string | undefined;
}

export interface Panel {
  readonly id: string;
  readonly title: string;
  readonly stream: StreamName;
  readonly lines: readonly Line[];
  /**
   * One line per value of this field, the highest first; not by VM name, since two hosts may have VMs of the same name.
   */
  readonly by: 'host.name' | 'kvm.path';
  readonly unit: 'number' | 'bytes' | 'bytes per second' | 'percent' | 'seconds';
}

export interface Dashboard {
  readonly id: string;
  readonly title: string;
  readonly description: string;
  readonly panels: readonly Panel[];
}

const BLOCK = 'libvirt_domain_block_stats';
const NET = 'libvirt_domain_interface_stats';
const MEMORY = 'libvirt_domain_memory_stats';

/** Each field must be a gauge in its stream's mapping, which a test checks: a counter would need a derivative. */
export const DASHBOARDS: readonly Dashboard[] = [
  {
    id: 'virtune-hosts',
    title: 'virtune: hosts',
    description: 'CPU, memory and pressure of each host.',
    panels: [
      {
        id: 'host-cpu',
        title: 'CPU utilization',
        stream: 'host',
        unit: 'percent',
        by: 'host.name',
        lines: [
          { field: 'libvirt_host_cpu_utilization_ratio', label: 'busy' },
          { field: 'libvirt_host_cpu_ratio.iowait', label: 'waiting for I/O' },
        ],
      },
      {
        id: 'host-contention',
        title: 'CPU contention (% of demand not served)',
        stream: 'host',
        unit: 'percent',
        by: 'host.name',
        lines: [{ field: 'libvirt_host_vcpu_contention_ratio' }],
      },
      {
        id: 'host-memory',
        title: 'Available memory',
        stream: 'host',
        unit: 'bytes',
        by: 'host.name',
        lines: [{ field: 'libvirt_host_memory_available_bytes' }],
      },
      {
        id: 'host-pressure',
        title: 'Pressure (PSI)',
        stream: 'host',
        unit: 'percent',
        by: 'host.name',
        lines: [
          { field: 'libvirt_host_pressure_ratio.cpu.some', label: 'CPU, some' },
          { field: 'libvirt_host_pressure_ratio.memory.full', label: 'memory, full' },
          { field: 'libvirt_host_pressure_ratio.io.full', label: 'I/O, full' },
        ],
      },
      {
        id: 'host-swap',
        title: 'Pages swapped in per second',
        stream: 'host',
        unit: 'number',
        by: 'host.name',
        lines: [{ field: 'libvirt_host_swapped_in_pages_per_second' }],
      },
      {
        id: 'host-domains',
        title: 'VMs',
        stream: 'host',
        unit: 'number',
        by: 'host.name',
        lines: [{ field: 'libvirt_domains' }],
      },
    ],
  },
  {
    id: 'virtune-vm',
    title: 'virtune: VM',
    description: 'VMs over time, the highest ten. Select one in the search bar: kvm.name : "db01".',
    panels: [
      {
        id: 'vm-cpu',
        title: 'CPUs used',
        stream: 'vm',
        unit: 'number',
        by: 'kvm.path',
        lines: [{ field: 'libvirt_domain_cpu_usage_cpus' }],
      },
      {
        id: 'vm-delay',
        title: 'CPU steal (ready) by vCPU',
        stream: 'vcpu',
        unit: 'percent',
        by: 'kvm.path',
        lines: [{ field: 'libvirt_domain_vcpu_delay_ratio' }],
      },
      {
        id: 'vm-memory',
        title: 'Memory',
        stream: 'vm',
        unit: 'bytes',
        by: 'kvm.path',
        lines: [
          { field: `${MEMORY}_used_bytes`, label: 'used by the guest' },
          { field: `${MEMORY}_usable_bytes`, label: 'usable' },
          { field: `${MEMORY}_current_balloon_bytes`, label: 'balloon size' },
          { field: `${MEMORY}_rss_bytes`, label: 'RSS on the host' },
        ],
      },
      {
        id: 'vm-starved',
        title: 'Swapping in the guest',
        stream: 'vm',
        unit: 'bytes per second',
        by: 'kvm.path',
        lines: [
          { field: `${MEMORY}_swap_in_bytes_per_second`, label: 'swapped in' },
          { field: `${MEMORY}_swap_out_bytes_per_second`, label: 'swapped out' },
        ],
      },
      {
        id: 'vm-disk',
        title: 'Throughput by disk',
        stream: 'block',
        unit: 'bytes per second',
        by: 'kvm.path',
        lines: [
          { field: `${BLOCK}_read_bytes_per_second`, label: 'read' },
          { field: `${BLOCK}_write_bytes_per_second`, label: 'written' },
        ],
      },
      {
        id: 'vm-latency',
        title: 'Request latency by disk',
        stream: 'block',
        unit: 'seconds',
        by: 'kvm.path',
        lines: [
          { field: `${BLOCK}_read_latency_seconds`, label: 'read' },
          { field: `${BLOCK}_write_latency_seconds`, label: 'write' },
        ],
      },
      {
        id: 'vm-iops',
        title: 'IOPS',
        stream: 'vm',
        unit: 'number',
        by: 'kvm.path',
        lines: [{ field: 'libvirt_domain_disk_requests_per_second' }],
      },
      {
        id: 'vm-network',
        title: 'Traffic by interface',
        stream: 'net',
        unit: 'bytes per second',
        by: 'kvm.path',
        lines: [
          { field: `${NET}_receive_bytes_per_second`, label: 'received' },
          { field: `${NET}_transmit_bytes_per_second`, label: 'sent' },
        ],
      },
    ],
  },
  {
    id: 'virtune-overcommit',
    title: 'virtune: overcommit',
    description: 'CPU and memory overcommit of each host, and the contention it causes.',
    panels: [
      {
        id: 'overcommit-vcpus',
        title: 'vCPU:pCPU ratio',
        stream: 'host',
        unit: 'number',
        by: 'host.name',
        lines: [{ field: 'libvirt_host_vcpu_overcommit_ratio.running' }],
      },
      {
        id: 'overcommit-harm',
        title: 'CPU shortfall (CPUs)',
        stream: 'host',
        unit: 'number',
        by: 'host.name',
        lines: [{ field: 'libvirt_host_vcpu_delay_cpus' }],
      },
      {
        id: 'overcommit-memory',
        title: 'Memory overcommit',
        stream: 'host',
        unit: 'percent',
        by: 'host.name',
        lines: [{ field: 'libvirt_host_memory_overcommit_ratio.maximum' }],
      },
      {
        id: 'overcommit-pressure',
        title: 'Memory pressure (PSI full)',
        stream: 'host',
        unit: 'percent',
        by: 'host.name',
        lines: [{ field: 'libvirt_host_pressure_ratio.memory.full' }],
      },
      {
        id: 'overcommit-steal',
        title: 'CPU steal (ready) by VM',
        stream: 'vm',
        unit: 'percent',
        by: 'kvm.path',
        lines: [{ field: 'libvirt_domain_cpu_steal_ratio' }],
      },
      {
        id: 'overcommit-heaviest',
        title: 'CPUs used by VM',
        stream: 'vm',
        unit: 'number',
        by: 'kvm.path',
        lines: [{ field: 'libvirt_domain_cpu_usage_cpus' }],
      },
      {
        id: 'overcommit-pools',
        title: 'Provisioned bytes by storage pool',
        stream: 'pool',
        unit: 'bytes',
        by: 'kvm.path',
        lines: [{ field: 'libvirt_storage_pool_provisioned_bytes' }],
      },
    ],
  },
];

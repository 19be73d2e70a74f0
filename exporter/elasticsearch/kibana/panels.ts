import type { StreamName } from '../streams.ts';

/** A line of a panel: a field of a stream's mapping. */
export interface Line {
  readonly field: string;
  readonly label?: string | undefined;
}

export interface Panel {
  readonly id: string;
  readonly title: string;
  readonly stream: StreamName;
  readonly lines: readonly Line[];
  /** A line for each value of this field, the highest first. */
  readonly by?: 'host.name' | 'kvm.name' | 'kvm.device' | undefined;
  /** Counters are shown as what they grow by in a second. */
  readonly as: 'gauge' | 'rate';
  readonly unit: 'number' | 'bytes' | 'percent';
}

export interface Dashboard {
  readonly id: string;
  readonly title: string;
  readonly description: string;
  readonly panels: readonly Panel[];
}

/** Each field is one of the mapping of its stream, which a test holds them to. */
export const DASHBOARDS: readonly Dashboard[] = [
  {
    id: 'virtune-hosts',
    title: 'virtune: hosts',
    description: 'CPU, memory and pressure of each host.',
    panels: [
      {
        id: 'host-cpu',
        title: 'CPU utilization by mode (CPUs)',
        stream: 'host',
        as: 'rate',
        unit: 'number',
        lines: ['user', 'kernel', 'iowait', 'irq', 'softirq', 'steal'].map((mode) => ({
          field: `libvirt_host_cpu_seconds_total.${mode}`,
          label: mode,
        })),
      },
      {
        id: 'host-contention',
        title: 'CPU contention (% of demand not served)',
        stream: 'host',
        as: 'gauge',
        unit: 'percent',
        by: 'host.name',
        lines: [{ field: 'libvirt_host_vcpu_contention_ratio' }],
      },
      {
        id: 'host-memory',
        title: 'Available memory',
        stream: 'host',
        as: 'gauge',
        unit: 'bytes',
        by: 'host.name',
        lines: [{ field: 'libvirt_host_memory_available_bytes' }],
      },
      {
        id: 'host-pressure',
        title: 'Pressure (PSI)',
        stream: 'host',
        as: 'rate',
        unit: 'percent',
        lines: [
          { field: 'libvirt_host_pressure_seconds_total.cpu.some', label: 'CPU, some' },
          { field: 'libvirt_host_pressure_seconds_total.memory.full', label: 'memory, full' },
          { field: 'libvirt_host_pressure_seconds_total.io.full', label: 'I/O, full' },
        ],
      },
      {
        id: 'host-swap',
        title: 'Pages swapped in',
        stream: 'host',
        as: 'rate',
        unit: 'number',
        by: 'host.name',
        lines: [{ field: 'libvirt_host_swapped_in_pages_total' }],
      },
      {
        id: 'host-domains',
        title: 'VMs',
        stream: 'host',
        as: 'gauge',
        unit: 'number',
        by: 'host.name',
        lines: [{ field: 'libvirt_domains' }],
      },
    ],
  },
  {
    id: 'virtune-vm',
    title: 'virtune: VM',
    description: 'One VM over time. Select it in the search bar: kvm.name : "db01".',
    panels: [
      {
        id: 'vm-cpu',
        title: 'CPUs used',
        stream: 'vm',
        as: 'rate',
        unit: 'number',
        by: 'kvm.name',
        lines: [{ field: 'libvirt_domain_info_cpu_time_seconds_total' }],
      },
      {
        id: 'vm-delay',
        title: 'CPU steal (ready) by vCPU',
        stream: 'vcpu',
        as: 'rate',
        unit: 'percent',
        by: 'kvm.device',
        lines: [{ field: 'libvirt_domain_vcpu_delay_seconds_total' }],
      },
      {
        id: 'vm-memory',
        title: 'Memory',
        stream: 'vm',
        as: 'gauge',
        unit: 'bytes',
        lines: [
          { field: 'libvirt_domain_memory_stats_used_bytes', label: 'used by the guest' },
          { field: 'libvirt_domain_memory_stats_usable_bytes', label: 'usable' },
          { field: 'libvirt_domain_memory_stats_current_balloon_bytes', label: 'balloon size' },
          { field: 'libvirt_domain_memory_stats_rss_bytes', label: 'RSS on the host' },
        ],
      },
      {
        id: 'vm-starved',
        title: 'Major faults and swapping in the guest',
        stream: 'vm',
        as: 'rate',
        unit: 'number',
        lines: [
          { field: 'libvirt_domain_memory_stats_major_fault_total', label: 'major faults' },
          { field: 'libvirt_domain_memory_stats_swap_in_bytes_total', label: 'swapped in, bytes' },
        ],
      },
      {
        id: 'vm-disk',
        title: 'Throughput by disk',
        stream: 'block',
        as: 'rate',
        unit: 'bytes',
        by: 'kvm.device',
        lines: [
          { field: 'libvirt_domain_block_stats_read_bytes_total', label: 'read' },
          { field: 'libvirt_domain_block_stats_write_bytes_total', label: 'written' },
        ],
      },
      {
        id: 'vm-network',
        title: 'Traffic by interface',
        stream: 'net',
        as: 'rate',
        unit: 'bytes',
        by: 'kvm.device',
        lines: [
          { field: 'libvirt_domain_interface_stats_receive_bytes_total', label: 'received' },
          { field: 'libvirt_domain_interface_stats_transmit_bytes_total', label: 'sent' },
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
        as: 'gauge',
        unit: 'number',
        by: 'host.name',
        lines: [{ field: 'libvirt_host_vcpu_overcommit_ratio.running' }],
      },
      {
        id: 'overcommit-harm',
        title: 'CPU shortfall (CPUs)',
        stream: 'host',
        as: 'gauge',
        unit: 'number',
        by: 'host.name',
        lines: [{ field: 'libvirt_host_vcpu_delay_cpus' }],
      },
      {
        id: 'overcommit-memory',
        title: 'Memory overcommit',
        stream: 'host',
        as: 'gauge',
        unit: 'percent',
        by: 'host.name',
        lines: [{ field: 'libvirt_host_memory_overcommit_ratio.maximum' }],
      },
      {
        id: 'overcommit-pressure',
        title: 'Memory pressure (PSI full)',
        stream: 'host',
        as: 'rate',
        unit: 'percent',
        by: 'host.name',
        lines: [{ field: 'libvirt_host_pressure_seconds_total.memory.full' }],
      },
      {
        id: 'overcommit-heaviest',
        title: 'CPUs used by VM',
        stream: 'vm',
        as: 'rate',
        unit: 'number',
        by: 'kvm.name',
        lines: [{ field: 'libvirt_domain_info_cpu_time_seconds_total' }],
      },
      {
        id: 'overcommit-pools',
        title: 'Provisioned bytes by storage pool',
        stream: 'pool',
        as: 'gauge',
        unit: 'bytes',
        by: 'kvm.device',
        lines: [{ field: 'libvirt_storage_pool_provisioned_bytes' }],
      },
    ],
  },
];

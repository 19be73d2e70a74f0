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
        title: 'CPUs busy, by mode',
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
        title: 'CPU time that vCPUs wanted and did not get',
        stream: 'host',
        as: 'gauge',
        unit: 'percent',
        by: 'host.name',
        lines: [{ field: 'libvirt_host_vcpu_contention_ratio' }],
      },
      {
        id: 'host-memory',
        title: 'Memory that the host could give without swapping',
        stream: 'host',
        as: 'gauge',
        unit: 'bytes',
        by: 'host.name',
        lines: [{ field: 'libvirt_host_memory_available_bytes' }],
      },
      {
        id: 'host-pressure',
        title: 'Share of time in which tasks waited (PSI)',
        stream: 'host',
        as: 'rate',
        unit: 'percent',
        lines: [
          { field: 'libvirt_host_pressure_seconds_total.cpu.some', label: 'CPU, some' },
          { field: 'libvirt_host_pressure_seconds_total.memory.full', label: 'memory, all' },
          { field: 'libvirt_host_pressure_seconds_total.io.full', label: 'I/O, all' },
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
    description: 'One VM over time. Name it in the search bar: kvm.name : "db01".',
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
        title: 'Share of time that each vCPU could have run and did not',
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
          { field: 'libvirt_domain_memory_stats_current_balloon_bytes', label: 'given' },
          { field: 'libvirt_domain_memory_stats_rss_bytes', label: 'resident on the host' },
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
        title: 'Read and written, by disk',
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
        title: 'Received and sent, by interface',
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
    description: 'How much of each host is promised, and whether it hurts.',
    panels: [
      {
        id: 'overcommit-vcpus',
        title: 'vCPUs of running VMs for each CPU',
        stream: 'host',
        as: 'gauge',
        unit: 'number',
        by: 'host.name',
        lines: [{ field: 'libvirt_host_vcpu_overcommit_ratio.running' }],
      },
      {
        id: 'overcommit-harm',
        title: 'CPUs that were missing',
        stream: 'host',
        as: 'gauge',
        unit: 'number',
        by: 'host.name',
        lines: [{ field: 'libvirt_host_vcpu_delay_cpus' }],
      },
      {
        id: 'overcommit-memory',
        title: "Memory promised, as a share of the host's",
        stream: 'host',
        as: 'gauge',
        unit: 'percent',
        by: 'host.name',
        lines: [{ field: 'libvirt_host_memory_overcommit_ratio.maximum' }],
      },
      {
        id: 'overcommit-pressure',
        title: 'Share of time in which all tasks waited for memory (PSI)',
        stream: 'host',
        as: 'rate',
        unit: 'percent',
        by: 'host.name',
        lines: [{ field: 'libvirt_host_pressure_seconds_total.memory.full' }],
      },
      {
        id: 'overcommit-heaviest',
        title: 'CPUs used, by VM',
        stream: 'vm',
        as: 'rate',
        unit: 'number',
        by: 'kvm.name',
        lines: [{ field: 'libvirt_domain_info_cpu_time_seconds_total' }],
      },
      {
        id: 'overcommit-pools',
        title: 'Bytes that images may grow to, by storage pool',
        stream: 'pool',
        as: 'gauge',
        unit: 'bytes',
        by: 'kvm.device',
        lines: [{ field: 'libvirt_storage_pool_provisioned_bytes' }],
      },
    ],
  },
];

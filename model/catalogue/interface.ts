import type { Group } from './metric.ts';

export const interfaceGroup = {
  name: 'interface',
  help: 'Traffic, errors and drops of each network interface.',
  byDefault: true,
  costs: 'Host counters only; no monitor command.',
  metrics: [
    {
      per: 'net',
      type: 'counter',
      name: 'libvirt_domain_interface_stats_receive_bytes_total',
      help: 'Bytes that the guest received.',
      read: (net) => net.rxBytes,
    },
    {
      per: 'net',
      type: 'counter',
      name: 'libvirt_domain_interface_stats_receive_packets_total',
      help: 'Packets that the guest received.',
      read: (net) => net.rxPackets,
    },
    {
      per: 'net',
      type: 'counter',
      name: 'libvirt_domain_interface_stats_receive_errors_total',
      help: 'Receive errors.',
      read: (net) => net.rxErrors,
    },
    {
      per: 'net',
      type: 'counter',
      name: 'libvirt_domain_interface_stats_receive_drops_total',
      help: 'Dropped packets to the guest.',
      read: (net) => net.rxDrops,
    },
    {
      per: 'net',
      type: 'counter',
      name: 'libvirt_domain_interface_stats_transmit_bytes_total',
      help: 'Bytes that the guest sent.',
      read: (net) => net.txBytes,
    },
    {
      per: 'net',
      type: 'counter',
      name: 'libvirt_domain_interface_stats_transmit_packets_total',
      help: 'Packets that the guest sent.',
      read: (net) => net.txPackets,
    },
    {
      per: 'net',
      type: 'counter',
      name: 'libvirt_domain_interface_stats_transmit_errors_total',
      help: 'Transmit errors.',
      read: (net) => net.txErrors,
    },
    {
      per: 'net',
      type: 'counter',
      name: 'libvirt_domain_interface_stats_transmit_drops_total',
      help: 'Dropped packets from the guest.',
      read: (net) => net.txDrops,
    },
  ],
} as const satisfies Group;

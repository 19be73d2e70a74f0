import type { Group } from './metric.ts';

export const interfaceGroup = {
  name: 'interface',
  help: 'Traffic, errors and drops of each network interface.',
  byDefault: true,
  costs: "A read of the host's counters; no monitor command.",
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
      help: 'Errors on receiving.',
      read: (net) => net.rxErrors,
    },
    {
      per: 'net',
      type: 'counter',
      name: 'libvirt_domain_interface_stats_receive_drops_total',
      help: 'Packets for the guest that were dropped.',
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
      help: 'Errors on sending.',
      read: (net) => net.txErrors,
    },
    {
      per: 'net',
      type: 'counter',
      name: 'libvirt_domain_interface_stats_transmit_drops_total',
      help: 'Packets from the guest that were dropped.',
      read: (net) => net.txDrops,
    },
  ],
} as const satisfies Group;

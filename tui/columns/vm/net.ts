import { eitherSum } from '../../../model/vm-rates.ts';
import type { Vm } from '../../model/vm.ts';
import { type Column, levels } from '../column.ts';
import { rateOf } from './why.ts';

const DOMAIN = 'libvirt_domain_';

export const netColumns: readonly Column<Vm>[] = [
  {
    id: 'net_receive_bytes_per_second',
    aliases: ['rx', 'receive'],
    title: 'RX/s',
    unit: 'bytes_per_second',
    width: 7,
    help: 'Bytes per second that its NICs receive.',
    metrics: [`${DOMAIN}interface_stats_receive_bytes_total`],
    read: (vm) => vm.total.net.rxBytes,
    why: rateOf('interface'),
  },
  {
    id: 'net_transmit_bytes_per_second',
    aliases: ['tx', 'transmit'],
    title: 'TX/s',
    unit: 'bytes_per_second',
    width: 7,
    help: 'Bytes per second that its NICs send.',
    metrics: [`${DOMAIN}interface_stats_transmit_bytes_total`],
    read: (vm) => vm.total.net.txBytes,
    why: rateOf('interface'),
  },
  {
    id: 'net_receive_packets_per_second',
    aliases: ['rx_packets', 'rxpkts'],
    title: 'RXPKT/s',
    unit: 'per_second',
    width: 7,
    help: 'Packets per second that its NICs receive.',
    metrics: [`${DOMAIN}interface_stats_receive_packets_total`],
    read: (vm) => vm.total.net.rxPackets,
    why: rateOf('interface'),
  },
  {
    id: 'net_transmit_packets_per_second',
    aliases: ['tx_packets', 'txpkts'],
    title: 'TXPKT/s',
    unit: 'per_second',
    width: 7,
    help: 'Packets per second that its NICs send.',
    metrics: [`${DOMAIN}interface_stats_transmit_packets_total`],
    read: (vm) => vm.total.net.txPackets,
    why: rateOf('interface'),
  },
  {
    id: 'net_drops_per_second',
    aliases: ['drops'],
    title: 'DROP/s',
    unit: 'per_second',
    width: 6,
    help: 'Dropped packets per second of its NICs, both directions.',
    metrics: [
      `${DOMAIN}interface_stats_receive_drops_total`,
      `${DOMAIN}interface_stats_transmit_drops_total`,
    ],
    read: ({ total: { net } }) => eitherSum(net.rxDrops, net.txDrops),
    why: rateOf('interface'),
    role: levels([1, 'warn']),
  },
];

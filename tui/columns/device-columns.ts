import type { DiskRow, NicRow } from '../model/devices.ts';
import type { Reason } from '../model/reasons.ts';
import { isRunning, latencyMs, type Vm } from '../model/vm.ts';
import { cellsOf } from '../text/cells.ts';
import { displayable } from '../text/displayable.ts';
import { type Column, levels, type Value } from './column.ts';

const safe = (value: Value): string => displayable(String(value));
/** The end of a path says more than its beginning. */
const tail = (value: Value): string => {
  const text = displayable(String(value));
  const cells = cellsOf(text);
  return cells.length <= PATH_WIDTH
    ? text
    : `~${cells
        .slice(-(PATH_WIDTH - 1))
        .map((cell) => cell.text)
        .join('')}`;
};
const PATH_WIDTH = 30;

function rate(group: string): (row: { readonly vm: Vm }) => Reason {
  return ({ vm }) =>
    vm.reasons.get(group) ??
    (!isRunning(vm) ? 'not_running' : vm.rates === undefined ? 'first_sample' : 'not_told');
}
const block = rate('block');
const net = rate('interface');
const xml = ({ vm }: { readonly vm: Vm }): Reason => (vm.facts === undefined ? 'no_xml' : 'none');
/** While no request is made there is no time of one. */
const noRequest = (row: DiskRow): Reason => {
  const why = block(row);
  return why === 'not_told' ? 'none' : why;
};

const B = 'libvirt_domain_block_stats_';
const N = 'libvirt_domain_interface_stats_';

const hostAndVm = [
  {
    id: 'host',
    title: 'HOST',
    unit: 'text',
    width: 12,
    help: 'The host of the VM.',
    metrics: [],
    read: ({ vm }: { readonly vm: Vm }) => vm.host,
    show: safe,
  },
  {
    id: 'name',
    title: 'NAME',
    unit: 'text',
    width: 16,
    help: 'The VM.',
    metrics: [],
    read: ({ vm }: { readonly vm: Vm }) => vm.name,
    show: safe,
  },
] as const;

export const diskColumns: readonly Column<DiskRow>[] = [
  ...hostAndVm,
  {
    id: 'device',
    title: 'DISK',
    unit: 'text',
    width: 6,
    help: 'The disk by its target, as libvirt names it.',
    metrics: [],
    read: (row) => row.target,
    show: safe,
  },
  {
    id: 'read_bytes_per_second',
    aliases: ['read'],
    title: 'READ/s',
    unit: 'bytes_per_second',
    width: 7,
    help: 'Bytes read.',
    metrics: [`${B}read_bytes_total`],
    read: ({ rates }) => rates?.readBytes,
    why: block,
  },
  {
    id: 'write_bytes_per_second',
    aliases: ['write'],
    title: 'WRITE/s',
    unit: 'bytes_per_second',
    width: 7,
    help: 'Bytes written.',
    metrics: [`${B}write_bytes_total`],
    read: ({ rates }) => rates?.writeBytes,
    why: block,
  },
  {
    id: 'read_requests_per_second',
    aliases: ['read_iops', 'riops'],
    title: 'RIOPS',
    unit: 'per_second',
    width: 6,
    help: 'Read requests.',
    metrics: [`${B}read_requests_total`],
    read: ({ rates }) => rates?.readRequests,
    why: block,
  },
  {
    id: 'write_requests_per_second',
    aliases: ['write_iops', 'wiops'],
    title: 'WIOPS',
    unit: 'per_second',
    width: 6,
    help: 'Write requests.',
    metrics: [`${B}write_requests_total`],
    read: ({ rates }) => rates?.writeRequests,
    why: block,
  },
  {
    id: 'flush_requests_per_second',
    aliases: ['flush', 'flushes'],
    title: 'FLUSH',
    unit: 'per_second',
    width: 6,
    help: 'Flush requests: what a database waits for at each commit.',
    metrics: [`${B}flush_requests_total`],
    read: ({ rates }) => rates?.flushRequests,
    why: block,
  },
  {
    id: 'read_latency_milliseconds',
    title: 'R ms',
    unit: 'milliseconds',
    width: 6,
    help: 'Mean time of a read.',
    metrics: [`${B}read_time_seconds_total`],
    read: ({ rates }) => latencyMs(rates?.readNs, rates?.readRequests),
    why: noRequest,
    role: levels([20, 'warn'], [50, 'bad']),
  },
  {
    id: 'write_latency_milliseconds',
    title: 'W ms',
    unit: 'milliseconds',
    width: 6,
    help: 'Mean time of a write.',
    metrics: [`${B}write_time_seconds_total`],
    read: ({ rates }) => latencyMs(rates?.writeNs, rates?.writeRequests),
    why: noRequest,
    role: levels([20, 'warn'], [50, 'bad']),
  },
  {
    id: 'flush_latency_milliseconds',
    title: 'F ms',
    unit: 'milliseconds',
    width: 6,
    help: 'Mean time of a flush.',
    metrics: [`${B}flush_time_seconds_total`],
    read: ({ rates }) => latencyMs(rates?.flushNs, rates?.flushRequests),
    why: noRequest,
    role: levels([20, 'warn'], [50, 'bad']),
  },
  {
    id: 'errors_per_second',
    aliases: ['errors'],
    title: 'ERR/s',
    unit: 'per_second',
    width: 5,
    help: 'Requests that failed.',
    metrics: [`${B}errors_total`],
    read: ({ rates }) => rates?.errors,
    why: block,
    role: levels([0.001, 'bad']),
  },
  {
    id: 'capacity_bytes',
    aliases: ['size'],
    title: 'SIZE',
    unit: 'bytes',
    width: 6,
    help: 'Size that the guest sees.',
    metrics: [`${B}capacity_bytes`],
    read: (row) => row.block?.capacityBytes,
    why: block,
  },
  {
    id: 'physical_bytes',
    title: 'ON HOST',
    unit: 'bytes',
    width: 7,
    help: 'Size of the image on the host.',
    metrics: [`${B}physical_bytes`],
    read: (row) => row.block?.physicalBytes,
    why: block,
  },
  {
    id: 'bus',
    title: 'BUS',
    unit: 'text',
    width: 6,
    help: 'The bus that the guest sees it on.',
    metrics: [`${B}info`],
    read: (row) => row.disk?.bus,
    why: xml,
    show: safe,
  },
  {
    id: 'format',
    title: 'FORMAT',
    unit: 'text',
    width: 6,
    help: 'Format of the image.',
    metrics: [`${B}info`],
    read: (row) => row.disk?.format,
    why: xml,
    show: safe,
  },
  {
    id: 'cache',
    title: 'CACHE',
    unit: 'text',
    width: 12,
    help: 'Cache mode; default is QEMU’s own, writeback.',
    metrics: [`${B}info`],
    read: (row) => row.disk && (row.disk.cache ?? 'default'),
    why: xml,
    show: safe,
    role: (value) => (value === 'unsafe' ? 'warn' : 'text'),
  },
  {
    id: 'io',
    title: 'IO',
    unit: 'text',
    width: 8,
    help: 'How QEMU drives it: native, threads, io_uring; default is threads.',
    metrics: [`${B}info`],
    read: (row) => row.disk && (row.disk.io ?? 'default'),
    why: xml,
    show: safe,
  },
  {
    id: 'iothread',
    title: 'IOTH',
    unit: 'text',
    width: 4,
    help: 'The iothread that it is on.',
    metrics: [],
    read: (row) => scaledText(row.disk?.ioThread),
    why: xml,
  },
  {
    id: 'chain',
    title: 'CHAIN',
    unit: 'number',
    width: 5,
    help: 'Images below the top one.',
    metrics: [],
    read: (row) => row.disk?.backingDepth,
    why: xml,
    role: levels([4, 'warn']),
  },
  {
    id: 'source',
    title: 'SOURCE',
    unit: 'text',
    width: PATH_WIDTH,
    help: 'Where it lives.',
    metrics: [`${B}info`],
    read: (row) => row.disk?.source?.name,
    why: xml,
    show: tail,
  },
];

function scaledText(value: number | undefined): string | undefined {
  return value === undefined ? undefined : String(value);
}

export const nicColumns: readonly Column<NicRow>[] = [
  ...hostAndVm,
  {
    id: 'device',
    title: 'NIC',
    unit: 'text',
    width: 12,
    help: "The host's side of it.",
    metrics: [],
    read: (row) => row.target,
    show: safe,
  },
  {
    id: 'receive_bytes_per_second',
    aliases: ['rx'],
    title: 'RX/s',
    unit: 'bytes_per_second',
    width: 7,
    help: 'Bytes that the guest receives.',
    metrics: [`${N}receive_bytes_total`],
    read: ({ rates }) => rates?.rxBytes,
    why: net,
  },
  {
    id: 'transmit_bytes_per_second',
    aliases: ['tx'],
    title: 'TX/s',
    unit: 'bytes_per_second',
    width: 7,
    help: 'Bytes that the guest sends.',
    metrics: [`${N}transmit_bytes_total`],
    read: ({ rates }) => rates?.txBytes,
    why: net,
  },
  {
    id: 'receive_packets_per_second',
    aliases: ['rxpkts'],
    title: 'RXPKT/s',
    unit: 'per_second',
    width: 7,
    help: 'Packets that the guest receives.',
    metrics: [`${N}receive_packets_total`],
    read: ({ rates }) => rates?.rxPackets,
    why: net,
  },
  {
    id: 'transmit_packets_per_second',
    aliases: ['txpkts'],
    title: 'TXPKT/s',
    unit: 'per_second',
    width: 7,
    help: 'Packets that the guest sends.',
    metrics: [`${N}transmit_packets_total`],
    read: ({ rates }) => rates?.txPackets,
    why: net,
  },
  {
    id: 'receive_drops_per_second',
    title: 'RXDROP',
    unit: 'per_second',
    width: 6,
    help: 'Packets to the guest that were dropped.',
    metrics: [`${N}receive_drops_total`],
    read: ({ rates }) => rates?.rxDrops,
    why: net,
    role: levels([1, 'warn']),
  },
  {
    id: 'transmit_drops_per_second',
    title: 'TXDROP',
    unit: 'per_second',
    width: 6,
    help: 'Packets from the guest that were dropped.',
    metrics: [`${N}transmit_drops_total`],
    read: ({ rates }) => rates?.txDrops,
    why: net,
    role: levels([1, 'warn']),
  },
  {
    id: 'receive_errors_per_second',
    title: 'RXERR',
    unit: 'per_second',
    width: 5,
    help: 'Packets to the guest with errors.',
    metrics: [`${N}receive_errors_total`],
    read: ({ rates }) => rates?.rxErrors,
    why: net,
    role: levels([0.001, 'warn']),
  },
  {
    id: 'transmit_errors_per_second',
    title: 'TXERR',
    unit: 'per_second',
    width: 5,
    help: 'Packets from the guest with errors.',
    metrics: [`${N}transmit_errors_total`],
    read: ({ rates }) => rates?.txErrors,
    why: net,
    role: levels([0.001, 'warn']),
  },
  {
    id: 'model',
    title: 'MODEL',
    unit: 'text',
    width: 8,
    help: 'The model that the guest sees.',
    metrics: [`${N}info`],
    read: (row) => row.nic?.model,
    why: xml,
    show: safe,
  },
  {
    id: 'source',
    title: 'SOURCE',
    unit: 'text',
    width: 12,
    help: 'The bridge, network or device that it hangs on.',
    metrics: [`${N}info`],
    read: (row) => row.nic?.source,
    why: xml,
    show: safe,
  },
  {
    id: 'mac',
    title: 'MAC',
    unit: 'text',
    width: 17,
    help: 'Its address.',
    metrics: [`${N}info`],
    read: (row) => row.nic?.mac,
    why: xml,
    show: safe,
  },
];

import { eitherSum, requestLatencyMs } from '../../../model/vm-rates.ts';
import type { Reason } from '../../model/reasons.ts';
import type { Vm } from '../../model/vm.ts';
import { type Column, levels } from '../column.ts';
import { rateOf } from './why.ts';

const DOMAIN = 'libvirt_domain_';

/** Without requests there is no latency: nothing is missing. */
const latencyWhy = (vm: Vm): Reason => {
  const why = rateOf('block')(vm);
  return why === 'not_reported' ? 'none' : why;
};

export const diskFigureColumns: readonly Column<Vm>[] = [
  {
    id: 'disk_read_bytes_per_second',
    aliases: ['read'],
    title: 'READ/s',
    unit: 'bytes_per_second',
    width: 7,
    help: 'Bytes per second read from its disks.',
    metrics: [`${DOMAIN}block_stats_read_bytes_total`],
    read: (vm) => vm.total.disk.readBytes,
    why: rateOf('block'),
  },
  {
    id: 'disk_write_bytes_per_second',
    aliases: ['write'],
    title: 'WRITE/s',
    unit: 'bytes_per_second',
    width: 7,
    help: 'Bytes per second written to its disks.',
    metrics: [`${DOMAIN}block_stats_write_bytes_total`],
    read: (vm) => vm.total.disk.writeBytes,
    why: rateOf('block'),
  },
  {
    id: 'disk_read_requests_per_second',
    aliases: ['read_iops', 'riops'],
    title: 'RIOPS',
    unit: 'per_second',
    width: 7,
    help: 'Read requests per second of its disks.',
    metrics: [`${DOMAIN}block_stats_read_requests_total`],
    read: (vm) => vm.total.disk.readRequests,
    why: rateOf('block'),
  },
  {
    id: 'disk_write_requests_per_second',
    aliases: ['write_iops', 'wiops'],
    title: 'WIOPS',
    unit: 'per_second',
    width: 7,
    help: 'Write requests per second of its disks.',
    metrics: [`${DOMAIN}block_stats_write_requests_total`],
    read: (vm) => vm.total.disk.writeRequests,
    why: rateOf('block'),
  },
  {
    id: 'disk_requests_per_second',
    aliases: ['iops'],
    title: 'IOPS',
    unit: 'per_second',
    width: 6,
    help: 'Reads and writes per second of its disks.',
    metrics: [`${DOMAIN}block_stats_read_requests_total`, `${DOMAIN}block_stats_write_requests_total`],
    read: ({ total: { disk } }) => eitherSum(disk.readRequests, disk.writeRequests),
    why: rateOf('block'),
  },
  {
    id: 'disk_latency_milliseconds',
    aliases: ['latency', 'lat'],
    title: 'LAT ms',
    unit: 'milliseconds',
    width: 6,
    help: 'Mean request latency of its disks, reads and writes.',
    metrics: [
      `${DOMAIN}block_stats_read_time_seconds_total`,
      `${DOMAIN}block_stats_write_time_seconds_total`,
    ],
    read: (vm) => requestLatencyMs(vm.total.disk),
    why: latencyWhy,
    role: levels([20, 'warn'], [50, 'bad']),
  },
];

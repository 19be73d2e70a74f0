import { LEGEND } from '../../legends.ts';
import { density, graph } from '../../panels.ts';
import { CHOSEN_VM, of, rateOf } from '../../query.ts';
import { byRequestLatency } from '../../shared-limits.ts';

type Operation = 'read' | 'write' | 'flush';
const requestsOf = (operation: Operation): string =>
  rateOf(`libvirt_domain_block_stats_${operation}_requests_total`, CHOSEN_VM);
const timeOf = (operation: Operation): string =>
  `${rateOf(`libvirt_domain_block_stats_${operation}_time_seconds_total`, CHOSEN_VM)} / (${requestsOf(operation)} > 0)`;
const bytesOf = (operation: 'read' | 'write'): string =>
  rateOf(`libvirt_domain_block_stats_${operation}_bytes_total`, CHOSEN_VM);
const nic = (direction: 'receive' | 'transmit', what: 'bytes' | 'packets' | 'drops'): string =>
  rateOf(`libvirt_domain_interface_stats_${direction}_${what}_total`, CHOSEN_VM);

export const requests = () =>
  graph({
    title: 'Disk requests',
    help: 'Reads, writes and flushes per second, by disk.',
    unit: 'iops',
    queries: [
      { expr: requestsOf('read'), legend: `read ${LEGEND.device}` },
      { expr: requestsOf('write'), legend: `write ${LEGEND.device}` },
      { expr: requestsOf('flush'), legend: `flush ${LEGEND.device}` },
    ],
  });

export const throughput = () =>
  graph({
    title: 'Disk throughput',
    help: 'Bytes read and written per second, by disk.',
    unit: 'Bps',
    queries: [
      { expr: bytesOf('read'), legend: `read ${LEGEND.device}` },
      { expr: bytesOf('write'), legend: `write ${LEGEND.device}` },
    ],
  });

export const latency = () =>
  graph({
    title: 'Request latency',
    help: 'Mean latency of reads, writes and flushes, from the request of the guest to completion. Database commits wait for flushes.',
    unit: 's',
    queries: [
      { expr: timeOf('read'), legend: `read ${LEGEND.device}` },
      { expr: timeOf('write'), legend: `write ${LEGEND.device}` },
      { expr: timeOf('flush'), legend: `flush ${LEGEND.device}` },
    ],
    limits: byRequestLatency(),
  });

export const errors = () =>
  graph({
    title: 'I/O errors',
    help: 'I/O error events reported by libvirt within the last hour, and failed requests per second, by disk.',
    unit: 'short',
    queries: [
      {
        expr: `increase(${of('libvirt_domain_events_total', CHOSEN_VM, 'event="ioError"')}[1h])`,
        legend: `reported ${LEGEND.vm}`,
      },
      {
        expr: rateOf('libvirt_domain_block_stats_errors_total', CHOSEN_VM),
        legend: `failed ${LEGEND.device}`,
      },
    ],
  });

export const latencySpread = () =>
  density({
    title: 'Latency distribution',
    help: 'Requests by latency. Needs libvirt 12.1 and a latency histogram in the XML of the disk; empty otherwise.',
    unit: 's',
    queries: [
      {
        expr: `sum by (le) (${rateOf('libvirt_domain_block_stats_latency_seconds_bucket', CHOSEN_VM)})`,
        legend: '{{le}}',
      },
    ],
    buckets: true,
    span: 24,
  });

export const networkTraffic = () =>
  graph({
    title: 'Network traffic',
    help: 'Bytes per second that the guest receives and sends.',
    unit: 'Bps',
    queries: [
      { expr: nic('receive', 'bytes'), legend: `in ${LEGEND.device}` },
      { expr: nic('transmit', 'bytes'), legend: `out ${LEGEND.device}` },
    ],
  });

export const networkPackets = () =>
  graph({
    title: 'Packets and drops',
    help: 'Packets per second received and sent, and dropped packets.',
    unit: 'pps',
    queries: [
      { expr: nic('receive', 'packets'), legend: `in ${LEGEND.device}` },
      { expr: nic('transmit', 'packets'), legend: `out ${LEGEND.device}` },
      { expr: nic('receive', 'drops'), legend: `dropped to ${LEGEND.device}` },
      { expr: nic('transmit', 'drops'), legend: `dropped from ${LEGEND.device}` },
    ],
  });

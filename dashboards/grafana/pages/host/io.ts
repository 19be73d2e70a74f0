import { limitsOf } from '../../limits.ts';
import { seriesToVm } from '../../links.ts';
import { graph, stack } from '../../panels.ts';
import { of, rateOf } from '../../query.ts';

const traffic = (direction: 'receive' | 'transmit'): string =>
  `sum without (target_device) (${rateOf(`libvirt_domain_interface_stats_${direction}_bytes_total`)})`;
const drops = (direction: 'receive' | 'transmit'): string =>
  `sum without (target_device) (${rateOf(`libvirt_domain_interface_stats_${direction}_drops_total`)})`;

export const blockRequests = () =>
  stack({
    title: 'Requests by VM',
    help: 'Reads and writes a second, the ten VMs with most.',
    unit: 'iops',
    queries: [
      {
        expr: `topk(10, sum without (target_device) (${of('device:virtune_block_requests:rate5m')}))`,
        legend: '{{domain}}',
      },
    ],
    links: [seriesToVm()],
    span: 8,
  });

export const blockLatency = () =>
  graph({
    title: 'Time of a request',
    help: 'Mean time of a read or write, the ten slowest disks. All of them at once: it is the storage.',
    unit: 's',
    queries: [
      {
        expr: `topk(10, ${of('device:virtune_block_request_seconds:mean_rate5m')})`,
        legend: '{{domain}} {{target_device}}',
      },
    ],
    limits: limitsOf('green', ['orange', 'DiskLatencyHigh', 'seconds']),
    links: [seriesToVm()],
    span: 8,
  });

export const ioPressure = () =>
  graph({
    title: 'Waiting for I/O',
    help: 'Share of the time that some or all tasks of the host waited for I/O (PSI).',
    unit: 'percentunit',
    queries: [
      {
        expr: of('instance:virtune_host_pressure:ratio_rate5m', 'resource="io"'),
        legend: '{{share}} {{instance}}',
      },
    ],
    limits: limitsOf('green', ['orange', 'HostIoStalled', 'full']),
    span: 8,
  });

export const network = () =>
  graph({
    title: 'Network by VM',
    help: 'Bytes a second that guests receive and send, the five VMs with most of each.',
    unit: 'Bps',
    queries: [
      { expr: `topk(5, ${traffic('receive')})`, legend: 'in {{domain}}' },
      { expr: `topk(5, ${traffic('transmit')})`, legend: 'out {{domain}}' },
    ],
    links: [seriesToVm()],
  });

export const networkDrops = () =>
  graph({
    title: 'Packets dropped',
    help: 'Packets a second to and from guests that were dropped, the five VMs with most of each.',
    unit: 'pps',
    queries: [
      { expr: `topk(5, ${drops('receive')})`, legend: 'to {{domain}}' },
      { expr: `topk(5, ${drops('transmit')})`, legend: 'from {{domain}}' },
    ],
    links: [seriesToVm()],
  });

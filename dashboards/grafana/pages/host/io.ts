import { LEGEND } from '../../legends.ts';
import { limitsOf } from '../../limits.ts';
import { seriesToVm } from '../../links.ts';
import { graph } from '../../panels.ts';
import { of, rateOfVms } from '../../query.ts';
import { byRequestLatency } from '../../shared-limits.ts';

const traffic = (direction: 'receive' | 'transmit'): string =>
  rateOfVms(`libvirt_domain_interface_stats_${direction}_bytes_total`);
const drops = (direction: 'receive' | 'transmit'): string =>
  rateOfVms(`libvirt_domain_interface_stats_${direction}_drops_total`);

export const blockLatency = () =>
  graph({
    title: 'Request latency by disk',
    help: 'Mean latency of reads and writes. The ten slowest disks. If all rise together, the storage is slow.',
    unit: 's',
    queries: [
      {
        expr: `topk(10, ${of('device:virtune_block_request_seconds:mean_rate5m')})`,
        legend: LEGEND.device,
      },
    ],
    limits: byRequestLatency(),
    links: [seriesToVm()],
    span: 8,
  });

export const ioPressure = () =>
  graph({
    title: 'I/O pressure',
    help: 'PSI: share of time that some or all tasks of the host waited for I/O.',
    unit: 'percentunit',
    queries: [
      {
        expr: of('instance:virtune_host_pressure:ratio_rate5m', 'resource="io"'),
        legend: `{{share}} ${LEGEND.host}`,
      },
    ],
    limits: limitsOf('green', ['orange', 'HostIoStalled', 'full']),
    span: 8,
  });

export const network = () =>
  graph({
    title: 'Network traffic by VM',
    help: 'Bytes per second that guests receive and send. The five VMs with the most, per direction.',
    unit: 'Bps',
    queries: [
      { expr: `topk(5, ${traffic('receive')})`, legend: `in ${LEGEND.vm}` },
      { expr: `topk(5, ${traffic('transmit')})`, legend: `out ${LEGEND.vm}` },
    ],
    links: [seriesToVm()],
  });

export const networkDrops = () =>
  graph({
    title: 'Dropped packets',
    help: 'Dropped packets per second to and from guests. The five VMs with the most, per direction.',
    unit: 'pps',
    queries: [
      { expr: `topk(5, ${drops('receive')})`, legend: `to ${LEGEND.vm}` },
      { expr: `topk(5, ${drops('transmit')})`, legend: `from ${LEGEND.vm}` },
    ],
    links: [seriesToVm()],
  });

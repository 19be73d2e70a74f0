import { LEGEND } from '../legends.ts';
import { seriesToVm } from '../links.ts';
import { stack } from '../panels.ts';
import { of } from '../query.ts';

/** @param span width in 24ths of the page; that of a graph when absent */
export const diskRequestsByVm = (span?: number) =>
  stack({
    title: 'Disk requests by VM',
    help: 'Reads and writes per second. The ten VMs with the most.',
    unit: 'iops',
    queries: [
      {
        expr: `topk(10, sum without (target_device) (${of('device:virtune_block_requests:rate5m')}))`,
        legend: LEGEND.vm,
      },
    ],
    links: [seriesToVm()],
    ...(span === undefined ? {} : { span }),
  });

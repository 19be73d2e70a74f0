import { scaled } from '../../../model/catalogue/metric.ts';
import { memoryUsedKiB } from '../../../model/stats/types.ts';
import { kibToBytes } from '../../../model/units.ts';
import { isRunning, type Vm } from '../../model/vm.ts';
import { type Column, levels } from '../column.ts';
import { group, rateOf, summary } from './why.ts';

const DOMAIN = 'libvirt_domain_';

export const memoryColumns: readonly Column<Vm>[] = [
  {
    id: 'memory_used_bytes',
    aliases: ['memory', 'mem', 'used'],
    title: 'USED',
    unit: 'bytes',
    width: 7,
    help: 'Memory used by the guest: available less usable.',
    metrics: [`${DOMAIN}memory_stats_used_bytes`],
    read: (vm) => scaled(vm.stats && memoryUsedKiB(vm.stats.balloon), kibToBytes),
    why: group('balloon'),
  },
  {
    id: 'memory_used_percent',
    aliases: ['memory_percent', 'used_percent'],
    title: 'USED%',
    unit: 'percent',
    width: 6,
    help: 'Memory used by the guest, in percent of what it sees.',
    metrics: [`${DOMAIN}memory_stats_used_percent`],
    read: ({ stats }) => {
      const used = stats && memoryUsedKiB(stats.balloon);
      const available = stats?.balloon.availableKiB;
      return used === undefined || !available ? undefined : (used / available) * 100;
    },
    why: group('balloon'),
    role: levels([85, 'warn'], [95, 'bad']),
  },
  {
    id: 'memory_balloon_bytes',
    aliases: ['balloon', 'given'],
    title: 'BALLOON',
    unit: 'bytes',
    width: 7,
    help: 'Current balloon size: memory that the VM has now.',
    metrics: [`${DOMAIN}memory_stats_current_balloon_bytes`],
    read: (vm) => scaled(vm.sample.summary.memoryKiB, kibToBytes),
    why: summary,
    role: (value, vm) =>
      isRunning(vm) && Number(value) < kibToBytes(vm.sample.summary.maximumKiB ?? 0) * 0.9 ? 'warn' : 'text',
  },
  {
    id: 'memory_maximum_bytes',
    aliases: ['max'],
    title: 'MAX',
    unit: 'bytes',
    width: 6,
    help: 'Maximum memory of the VM.',
    metrics: [`${DOMAIN}info_maximum_memory_bytes`],
    read: (vm) => scaled(vm.sample.summary.maximumKiB, kibToBytes),
    why: summary,
  },
  {
    id: 'memory_rss_bytes',
    aliases: ['rss'],
    title: 'RSS',
    unit: 'bytes',
    width: 6,
    help: 'Resident memory of its QEMU process on the host.',
    metrics: [`${DOMAIN}memory_stats_rss_bytes`],
    // Recordings of earlier versions only have it in the balloon's figures.
    read: (vm) => scaled(vm.sample.summary.rssKiB ?? vm.stats?.balloon.rssKiB, kibToBytes),
    why: summary,
  },
  {
    id: 'swap_bytes_per_second',
    aliases: ['swap'],
    title: 'SWAP/s',
    unit: 'bytes_per_second',
    width: 7,
    help: 'Bytes per second that its guest swaps in and out.',
    metrics: [`${DOMAIN}memory_stats_swap_in_bytes_total`, `${DOMAIN}memory_stats_swap_out_bytes_total`],
    read: ({ rates }) => {
      const { swapInKiB, swapOutKiB } = rates?.memory ?? {};
      return swapInKiB === undefined && swapOutKiB === undefined
        ? undefined
        : kibToBytes((swapInKiB ?? 0) + (swapOutKiB ?? 0));
    },
    why: (vm) => {
      const reason = rateOf('balloon')(vm);
      const isCounted = vm.stats?.balloon.swapInKiB !== undefined;
      return reason === 'not_reported' && isCounted ? 'first_report' : reason;
    },
    role: levels([1, 'warn'], [1_048_576, 'bad']),
  },
];

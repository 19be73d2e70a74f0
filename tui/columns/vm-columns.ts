import { scaled } from '../../model/catalogue/metric.ts';
import { memoryUsedKiB } from '../../model/stats/types.ts';
import { kibToBytes, nsToSeconds } from '../../model/units.ts';
import { cellsOf, pinnedCount, pinnedCpus, seenCpus } from '../model/pins.ts';
import type { Reason } from '../model/reasons.ts';
import { isRunning, latencyMs, type StateName, stateOf, type Vm } from '../model/vm.ts';
import type { Role } from '../text/line.ts';
import { type Column, levels } from './column.ts';

const DOMAIN = 'libvirt_domain_';

/** A figure of a group: absent for the group's reason, else because nobody tells it. */
const group =
  (name: string) =>
  (vm: Vm): Reason =>
    vm.reasons.get(name) ?? (isRunning(vm) ? 'not_told' : 'not_running');

/** A rate: it may also be that there was no sample before. */
const rateOf =
  (name: string) =>
  (vm: Vm): Reason =>
    vm.reasons.get(name) ??
    (!isRunning(vm) ? 'not_running' : vm.rates === undefined ? 'first_sample' : 'not_told');

const summary = (vm: Vm): Reason => (isRunning(vm) ? 'not_told' : 'not_running');
const xml = (vm: Vm): Reason => (vm.facts === undefined ? 'no_xml' : 'none');

/** A letter beside the colour, so that colour is never all that tells. */
const STATE_GLYPHS: Readonly<Record<StateName, string>> = {
  running: 'R running',
  blocked: 'R running',
  paused: 'P paused',
  'shutting down': 'D stopping',
  off: '- off',
  crashed: 'X crashed',
  suspended: 'S suspended',
  stuck: '! stuck',
  unknown: '? unknown',
};

const STATE_ROLES: Readonly<Partial<Record<string, Role>>> = {
  running: 'ok',
  blocked: 'ok',
  paused: 'warn',
  crashed: 'bad',
  stuck: 'bad',
  off: 'dim',
};

function meanShare(ns: number | undefined, vcpus: number): number | undefined {
  return ns === undefined || vcpus === 0 ? undefined : (ns / vcpus / 1e9) * 100;
}

function waitPercent({ rates }: Vm): number | undefined {
  let sum: number | undefined;
  for (const { waitNs } of rates?.vcpus.values() ?? []) if (waitNs !== undefined) sum = (sum ?? 0) + waitNs;
  return meanShare(sum, rates?.vcpus.size ?? 0);
}

function latency(vm: Vm): number | undefined {
  const { readNs, writeNs, readRequests, writeRequests } = vm.disk;
  if (readNs === undefined && writeNs === undefined) return undefined;
  return latencyMs((readNs ?? 0) + (writeNs ?? 0), (readRequests ?? 0) + (writeRequests ?? 0));
}

/** While no request is made there is no time of one: nothing is missing. */
const latencyWhy = (vm: Vm): Reason => {
  const why = rateOf('block')(vm);
  return why === 'not_told' ? 'none' : why;
};

/** Cells that its vCPUs are pinned to, else those that they were seen on. */
function numaCells(vm: Vm): string | undefined {
  const cpus = pinnedCpus(vm) ?? seenCpus(vm);
  if (cpus === undefined) return undefined;
  const cells = cellsOf(cpus, vm);
  return cells.length === 0 ? undefined : cells.join(',');
}

export const vmColumns: readonly Column<Vm>[] = [
  {
    id: 'host',
    title: 'HOST',
    unit: 'text',
    width: 12,
    help: 'The host that it runs on.',
    metrics: [],
    read: (vm) => vm.host,
  },
  {
    id: 'name',
    title: 'NAME',
    unit: 'text',
    width: 16,
    help: 'The name of the VM.',
    metrics: [],
    read: (vm) => vm.name,
  },
  {
    id: 'uuid',
    title: 'UUID',
    unit: 'text',
    width: 36,
    help: 'Its UUID, which stays when it is renamed.',
    metrics: [`${DOMAIN}info`],
    read: (vm) => vm.sample.domain.uuid,
  },
  {
    id: 'state',
    title: 'STATE',
    unit: 'text',
    width: 9,
    help: 'Its state; stuck: its QEMU does not answer.',
    metrics: ['virtune_domain_outcome'],
    read: stateOf,
    show: (value) => STATE_GLYPHS[value as StateName],
    role: (value) => STATE_ROLES[String(value)] ?? 'text',
  },
  {
    id: 'findings',
    aliases: ['notes'],
    title: '!',
    unit: 'number',
    width: 2,
    help: 'How much is remarkable about it; Enter tells what.',
    metrics: [],
    read: (vm) => vm.findings.length,
    show: (value) => (value === 0 ? '' : String(value)),
    role: (_, vm) => vm.findings[0]?.severity ?? 'text',
  },
  {
    id: 'vcpus',
    title: 'VCPU',
    unit: 'number',
    width: 4,
    help: 'vCPUs that are online.',
    metrics: [`${DOMAIN}info_virtual_cpus`],
    read: (vm) => vm.sample.summary.vcpus,
    why: summary,
  },
  {
    id: 'cpu_percent',
    aliases: ['cpu'],
    title: 'CPU%',
    unit: 'percent',
    width: 6,
    help: 'CPU time of all its threads, in percent of one CPU of the host: 400 is four whole CPUs.',
    metrics: [`${DOMAIN}info_cpu_time_seconds_total`],
    read: (vm) => scaled(vm.cpuUsage, (usage) => usage * 100),
    why: (vm) => (isRunning(vm) ? 'first_sample' : 'not_running'),
    role: (value, vm) => {
      const all = (vm.sample.summary.vcpus ?? 1) * 100;
      return levels([all * 0.7, 'warn'], [all * 0.95, 'bad'])(value);
    },
  },
  {
    id: 'steal_percent',
    aliases: ['steal', 'delay', 'delay_percent', 'ready'],
    title: 'STEAL%',
    unit: 'percent',
    width: 6,
    help: 'Share of the CPU time that its vCPUs wanted and did not get: delay / (delay + run). What the guest sees as steal, and VMware as ready.',
    metrics: [`${DOMAIN}vcpu_delay_seconds_total`, `${DOMAIN}vcpu_time_seconds_total`],
    read: (vm) => scaled(vm.rates?.contention, (share) => share * 100),
    why: rateOf('vcpu'),
    role: levels([5, 'warn'], [10, 'bad']),
  },
  {
    id: 'wait_percent',
    aliases: ['wait'],
    title: 'WAIT%',
    unit: 'percent',
    width: 6,
    help: "Time that its vCPUs were off the CPU by the scheduler's count (wait_sum), on average over them.",
    metrics: [`${DOMAIN}vcpu_wait_seconds_total`],
    read: waitPercent,
    why: rateOf('vcpu'),
  },
  {
    id: 'memory_used_bytes',
    aliases: ['memory', 'mem', 'used'],
    title: 'USED',
    unit: 'bytes',
    width: 7,
    help: 'Memory that its guest cannot give back: available less usable.',
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
    help: 'The same in percent of what the guest sees.',
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
    title: 'GIVEN',
    unit: 'bytes',
    width: 6,
    help: 'Memory that it is given now: the size of its balloon.',
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
    help: 'Memory that it may have at most.',
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
    help: 'Memory of its process that is resident on the host.',
    metrics: [`${DOMAIN}memory_stats_rss_bytes`],
    read: (vm) => scaled(vm.stats?.balloon.rssKiB, kibToBytes),
    why: group('balloon'),
  },
  {
    id: 'swap_bytes_per_second',
    aliases: ['swap'],
    title: 'SWAP/s',
    unit: 'bytes_per_second',
    width: 7,
    help: 'Memory that its guest swaps in and out.',
    metrics: [`${DOMAIN}memory_stats_swap_in_bytes_total`, `${DOMAIN}memory_stats_swap_out_bytes_total`],
    read: ({ rates }) => {
      const { swapInKiB, swapOutKiB } = rates?.memory ?? {};
      return swapInKiB === undefined && swapOutKiB === undefined
        ? undefined
        : kibToBytes((swapInKiB ?? 0) + (swapOutKiB ?? 0));
    },
    why: rateOf('balloon'),
    role: levels([1, 'warn'], [1_048_576, 'bad']),
  },
  {
    id: 'disk_read_bytes_per_second',
    aliases: ['read'],
    title: 'READ/s',
    unit: 'bytes_per_second',
    width: 7,
    help: 'Bytes that its disks read.',
    metrics: [`${DOMAIN}block_stats_read_bytes_total`],
    read: (vm) => vm.disk.readBytes,
    why: rateOf('block'),
  },
  {
    id: 'disk_write_bytes_per_second',
    aliases: ['write'],
    title: 'WRITE/s',
    unit: 'bytes_per_second',
    width: 7,
    help: 'Bytes that its disks write.',
    metrics: [`${DOMAIN}block_stats_write_bytes_total`],
    read: (vm) => vm.disk.writeBytes,
    why: rateOf('block'),
  },
  {
    id: 'disk_read_requests_per_second',
    aliases: ['read_iops', 'riops'],
    title: 'RIOPS',
    unit: 'per_second',
    width: 7,
    help: 'Read requests of its disks.',
    metrics: [`${DOMAIN}block_stats_read_requests_total`],
    read: (vm) => vm.disk.readRequests,
    why: rateOf('block'),
  },
  {
    id: 'disk_write_requests_per_second',
    aliases: ['write_iops', 'wiops'],
    title: 'WIOPS',
    unit: 'per_second',
    width: 7,
    help: 'Write requests of its disks.',
    metrics: [`${DOMAIN}block_stats_write_requests_total`],
    read: (vm) => vm.disk.writeRequests,
    why: rateOf('block'),
  },
  {
    id: 'disk_requests_per_second',
    aliases: ['iops'],
    title: 'IOPS',
    unit: 'per_second',
    width: 6,
    help: 'Requests of its disks, reads and writes.',
    metrics: [`${DOMAIN}block_stats_read_requests_total`, `${DOMAIN}block_stats_write_requests_total`],
    read: ({ disk }) =>
      disk.readRequests === undefined && disk.writeRequests === undefined
        ? undefined
        : (disk.readRequests ?? 0) + (disk.writeRequests ?? 0),
    why: rateOf('block'),
  },
  {
    id: 'disk_latency_milliseconds',
    aliases: ['latency', 'lat'],
    title: 'LAT ms',
    unit: 'milliseconds',
    width: 6,
    help: 'Mean time of a read or write request.',
    metrics: [
      `${DOMAIN}block_stats_read_time_seconds_total`,
      `${DOMAIN}block_stats_write_time_seconds_total`,
    ],
    read: latency,
    why: latencyWhy,
    role: levels([20, 'warn'], [50, 'bad']),
  },
  {
    id: 'net_receive_bytes_per_second',
    aliases: ['rx', 'receive'],
    title: 'RX/s',
    unit: 'bytes_per_second',
    width: 7,
    help: 'Bytes that its NICs receive.',
    metrics: [`${DOMAIN}interface_stats_receive_bytes_total`],
    read: (vm) => vm.net.rxBytes,
    why: rateOf('interface'),
  },
  {
    id: 'net_transmit_bytes_per_second',
    aliases: ['tx', 'transmit'],
    title: 'TX/s',
    unit: 'bytes_per_second',
    width: 7,
    help: 'Bytes that its NICs send.',
    metrics: [`${DOMAIN}interface_stats_transmit_bytes_total`],
    read: (vm) => vm.net.txBytes,
    why: rateOf('interface'),
  },
  {
    id: 'net_receive_packets_per_second',
    aliases: ['rx_packets', 'rxpkts'],
    title: 'RXPKT/s',
    unit: 'per_second',
    width: 7,
    help: 'Packets that its NICs receive.',
    metrics: [`${DOMAIN}interface_stats_receive_packets_total`],
    read: (vm) => vm.net.rxPackets,
    why: rateOf('interface'),
  },
  {
    id: 'net_transmit_packets_per_second',
    aliases: ['tx_packets', 'txpkts'],
    title: 'TXPKT/s',
    unit: 'per_second',
    width: 7,
    help: 'Packets that its NICs send.',
    metrics: [`${DOMAIN}interface_stats_transmit_packets_total`],
    read: (vm) => vm.net.txPackets,
    why: rateOf('interface'),
  },
  {
    id: 'net_drops_per_second',
    aliases: ['drops'],
    title: 'DROP/s',
    unit: 'per_second',
    width: 6,
    help: 'Packets that its NICs drop, both ways.',
    metrics: [
      `${DOMAIN}interface_stats_receive_drops_total`,
      `${DOMAIN}interface_stats_transmit_drops_total`,
    ],
    read: ({ net }) =>
      net.rxDrops === undefined && net.txDrops === undefined
        ? undefined
        : (net.rxDrops ?? 0) + (net.txDrops ?? 0),
    why: rateOf('interface'),
    role: levels([1, 'warn']),
  },
  {
    id: 'iothreads',
    title: 'IOTH',
    unit: 'number',
    width: 4,
    help: 'Its iothreads.',
    metrics: [],
    read: (vm) => vm.facts?.cpu.ioThreads.length,
    show: (value) => (value === 0 ? '-' : String(value)),
    why: xml,
  },
  {
    id: 'pinned_vcpus',
    aliases: ['pinned', 'pins'],
    title: 'PIN',
    unit: 'number',
    width: 5,
    help: 'vCPUs that are bound to a part of the host, of all.',
    metrics: [],
    read: pinnedCount,
    show: (value, vm) => (value === 0 ? '-' : `${value}/${vm.sample.summary.vcpus ?? '?'}`),
    why: xml,
  },
  {
    id: 'numa_cells',
    aliases: ['numa', 'cells'],
    title: 'NUMA',
    unit: 'text',
    width: 5,
    help: 'NUMA cells that its vCPUs are pinned to, else those that they were seen on.',
    metrics: [`${DOMAIN}vcpu_cpu`],
    read: numaCells,
    why: (vm) => (isRunning(vm) ? 'not_told' : 'not_running'),
    role: (value) => (String(value).includes(',') ? 'warn' : 'text'),
  },
  {
    id: 'remote_memory_percent',
    aliases: ['remote'],
    title: 'FAR%',
    unit: 'percent',
    width: 5,
    help: 'Chance that an access of its vCPUs goes to the memory of another NUMA cell. Needs --also numa, on the host itself.',
    metrics: [],
    read: (vm) => scaled(vm.sample.local?.memoryMap?.remoteShare, (share) => share * 100),
    why: (vm) => vm.reasons.get('numa') ?? (isRunning(vm) ? 'not_asked' : 'not_running'),
    role: levels([20, 'warn'], [40, 'bad']),
  },
  {
    id: 'profile',
    title: 'PROFILE',
    unit: 'text',
    width: 14,
    help: "The tuner's profile that it is marked with; virtune tune drift says whether it still holds.",
    metrics: [],
    read: (vm) => (vm.facts === undefined ? undefined : (vm.facts.tuned?.profile ?? 'unmarked')),
    show: (value) => (value === 'unmarked' ? '-' : String(value)),
    why: xml,
  },
  {
    id: 'cpu_time_seconds',
    aliases: ['time'],
    title: 'TIME+',
    unit: 'seconds',
    width: 9,
    help: 'CPU time of all its threads since it was started.',
    metrics: [`${DOMAIN}info_cpu_time_seconds_total`],
    read: (vm) => scaled(vm.sample.summary.cpuTimeNs, nsToSeconds),
    why: summary,
  },
];

import { StatsGroup } from '../libvirt/constants.ts';
import { ParamType, type TypedParam } from '../libvirt/typed-params.ts';
import { knows } from './release.ts';
import type { DiskCounters, SimulatedVm } from './vm.ts';
import type { DiskOperation, VmDisk } from './vm-facts.ts';

/** Typed parameters in libvirt's names and order (QEMU driver), so that a client sees no difference. */
class Params {
  readonly list: TypedParam[] = [];

  int(field: string, value: number): void {
    this.list.push({ field, type: ParamType.int, value });
  }
  uint(field: string, value: number): void {
    this.list.push({ field, type: ParamType.uint, value });
  }
  ullong(field: string, value: number): void {
    this.list.push({ field, type: ParamType.ullong, value: Math.round(value) });
  }
  llong(field: string, value: number): void {
    this.list.push({ field, type: ParamType.llong, value: Math.round(value) });
  }
  double(field: string, value: number): void {
    this.list.push({ field, type: ParamType.double, value });
  }
  string(field: string, value: string): void {
    this.list.push({ field, type: ParamType.string, value });
  }
}

const GROUPS: readonly (readonly [
  mask: number,
  write: (vm: SimulatedVm, params: Params, hasMonitor: boolean) => void,
])[] = [
  [StatsGroup.state, state],
  [StatsGroup.cpu, cpu],
  [StatsGroup.balloon, balloon],
  [StatsGroup.vcpu, vcpu],
  [StatsGroup.interface, net],
  [StatsGroup.block, block],
  [StatsGroup.ioThread, ioThread],
  [StatsGroup.dirtyRate, dirtyRate],
];

/**
 * One domain's record in a GetAllDomainStats reply; mask 0 selects every group. Without the monitor, values from QEMU
 * are omitted, as in libvirt's driver while another client holds the domain's job.
 */
export function statsOf(vm: SimulatedVm, mask: number, hasMonitor = true): TypedParam[] {
  const params = new Params();
  for (const [group, write] of GROUPS) if (mask === 0 || (mask & group) !== 0) write(vm, params, hasMonitor);
  return params.list;
}

function state(vm: SimulatedVm, params: Params): void {
  params.int('state.state', vm.state);
  params.int('state.reason', vm.reason);
}

function cpu(vm: SimulatedVm, params: Params): void {
  if (!vm.active) return;
  const vcpuNs = vm.vcpus.reduce((sum, each) => sum + each.timeNs, 0);
  params.ullong('cpu.time', vcpuNs + vm.cpuUserNs + vm.cpuSystemNs);
  params.ullong('cpu.user', vm.cpuUserNs);
  params.ullong('cpu.system', vm.cpuSystemNs);
}

/** Fraction of the balloon's memory that the guest's kernel does not reserve. */
const SEEN = 0.97;
/** Fraction of the maximum that processes use in most guests; caches get a share of the rest. */
const NEEDED = 0.66;
const LEFT_AT_LEAST = 0.05;

/** The 13 tags of dommemstat, consistent with the other statistics. */
export function balloonFigures(vm: SimulatedVm): Readonly<Record<string, number>> {
  const reported = vm.facts.balloonPeriodSeconds === 0 || vm.lastUpdateSeconds === 0 ? {} : vm.guestReport;
  // 0 before the first report, as in libvirt.
  return { ...reported, 'last-update': vm.lastUpdateSeconds, rss: Math.round(vm.balloonKiB * 0.93) + 48_000 };
}

/** Memory statistics that the guest would report now. */
export function guestReport(vm: SimulatedVm): Readonly<Record<string, number>> {
  const seenKiB = Math.round(vm.balloonKiB * SEEN);
  // Inflating the balloon reduces free memory and caches, until almost nothing is left.
  const left = vm.balloonKiB - vm.neededKiB;
  const share = Math.max(LEFT_AT_LEAST, left / (vm.facts.maximumKiB * (1 - NEEDED)));
  const cachesKiB = Math.round(seenKiB * 0.22 * share);
  const unusedKiB = Math.round(seenKiB * 0.12 * share);
  return {
    swap_in: vm.swapInKiB,
    swap_out: vm.swapOutKiB,
    major_fault: vm.majorFaults,
    minor_fault: vm.minorFaults,
    unused: unusedKiB,
    available: seenKiB,
    usable: unusedKiB + Math.round(cachesKiB * 0.8),
    disk_caches: cachesKiB,
    hugetlb_pgalloc: 0,
    hugetlb_pgfail: 0,
  };
}

function balloon(vm: SimulatedVm, params: Params, hasMonitor: boolean): void {
  params.ullong('balloon.current', vm.balloonKiB);
  params.ullong('balloon.maximum', vm.facts.maximumKiB);
  if (!vm.active || !hasMonitor) return;
  for (const [field, value] of Object.entries(balloonFigures(vm))) params.ullong(`balloon.${field}`, value);
}

function vcpu(vm: SimulatedVm, params: Params): void {
  params.uint('vcpu.current', vm.facts.vcpusCurrent);
  params.uint('vcpu.maximum', vm.facts.vcpusMaximum);
  if (!vm.active) return;
  for (let id = 0; id < vm.facts.vcpusCurrent; id++) {
    const counters = vm.vcpus[id];
    if (counters === undefined) continue;
    params.int(`vcpu.${id}.state`, 1);
    params.ullong(`vcpu.${id}.time`, counters.timeNs);
    params.ullong(`vcpu.${id}.wait`, counters.waitNs);
    params.ullong(`vcpu.${id}.delay`, counters.delayNs);
  }
}

function net(vm: SimulatedVm, params: Params): void {
  if (!vm.active) return;
  params.uint('net.count', vm.nics.length);
  vm.nics.forEach((nic, index) => {
    params.string(`net.${index}.name`, vm.nicName(index));
    params.ullong(`net.${index}.rx.bytes`, nic.rxBytes);
    params.ullong(`net.${index}.rx.pkts`, nic.rxPackets);
    params.ullong(`net.${index}.rx.errs`, 0);
    params.ullong(`net.${index}.rx.drop`, nic.rxDrops);
    params.ullong(`net.${index}.tx.bytes`, nic.txBytes);
    params.ullong(`net.${index}.tx.pkts`, nic.txPackets);
    params.ullong(`net.${index}.tx.errs`, 0);
    params.ullong(`net.${index}.tx.drop`, 0);
  });
}

function block(vm: SimulatedVm, params: Params, hasMonitor: boolean): void {
  params.uint('block.count', vm.disks.length);
  vm.disks.forEach((counters, index) => {
    const disk = vm.facts.disks[index];
    if (disk === undefined) return;
    const capacity = disk.sizeGiB * 2 ** 30;
    params.string(`block.${index}.name`, disk.target);
    params.string(`block.${index}.path`, disk.path);
    if (vm.active && hasMonitor) {
      params.uint(`block.${index}.backingIndex`, index + 1);
      params.ullong(`block.${index}.rd.reqs`, counters.readRequests);
      params.ullong(`block.${index}.rd.bytes`, counters.readBytes);
      params.ullong(`block.${index}.rd.times`, counters.readNs);
      params.ullong(`block.${index}.wr.reqs`, counters.writeRequests);
      params.ullong(`block.${index}.wr.bytes`, counters.writeBytes);
      params.ullong(`block.${index}.wr.times`, counters.writeNs);
      params.ullong(`block.${index}.fl.reqs`, counters.flushRequests);
      params.ullong(`block.${index}.fl.times`, counters.flushNs);
      windows(index, counters, disk, params);
      histograms(index, counters, disk, params);
    }
    params.ullong(`block.${index}.allocation`, capacity * 0.6);
    params.ullong(`block.${index}.capacity`, capacity);
    params.ullong(`block.${index}.physical`, disk.format === 'raw' ? capacity : capacity * 0.6);
    if (vm.active && hasMonitor && knows(vm.release, 'blockLimits'))
      for (const [name, value] of Object.entries(limitsOf(disk)))
        params.ullong(`block.${index}.limits.${name}`, value);
    const threshold = vm.blockThresholds.get(disk.target);
    if (threshold !== undefined) params.ullong(`block.${index}.threshold`, threshold);
  });
}

/** libvirt's short names, in its order; its histograms use the long ones. */
const OPERATIONS: readonly (readonly [short: string, long: string, operation: DiskOperation])[] = [
  ['rd', 'read', 'read'],
  ['wr', 'write', 'write'],
  ['zone_append', 'zone_append', 'zone'],
  ['flush', 'flush', 'flush'],
];

function windows(
  index: number,
  { measured }: DiskCounters,
  { measured: wanted }: VmDisk,
  params: Params,
): void {
  const { windowsSeconds } = wanted;
  if (windowsSeconds.length === 0) return;
  params.uint(`block.${index}.timed_group.count`, windowsSeconds.length);
  windowsSeconds.forEach((seconds, window) => {
    const field = (name: string): string => `block.${index}.timed_group.${window}.${name}`;
    params.ullong(field('interval'), seconds);
    for (const [short, , operation] of OPERATIONS) {
      const { minNs, maxNs, averageNs } = measured.window(seconds, operation);
      params.ullong(field(`${short}_latency_min`), minNs);
      params.ullong(field(`${short}_latency_max`), maxNs);
      params.ullong(field(`${short}_latency_avg`), averageNs);
    }
    for (const [short, , operation] of OPERATIONS.filter(([, , each]) => each !== 'flush'))
      params.double(field(`${short}_queue_depth_avg`), measured.window(seconds, operation).queueDepth);
  });
}

function histograms(
  index: number,
  { measured }: DiskCounters,
  { measured: wanted }: VmDisk,
  params: Params,
): void {
  for (const [, long, operation] of OPERATIONS) {
    const starts = wanted.binsNs.get(operation);
    if (starts === undefined) continue;
    const counts = measured.bins(operation);
    const field = (name: string): string => `block.${index}.latency_histogram.${long}.bin.${name}`;
    params.uint(field('count'), starts.length);
    starts.forEach((start, bin) => {
      params.ullong(field(`${bin}.start`), start);
      params.ullong(field(`${bin}.value`), counts[bin] ?? 0);
    });
  }
}

/** For an image in a file; direct I/O requires whole sectors. */
function limitsOf({ cache }: VmDisk): Record<string, number> {
  const sector = cache === 'none' || cache === 'directsync' ? 512 : 1;
  return {
    request_alignment: sector,
    iov_max: 1_024,
    memory_alignment_minimal: sector,
    memory_alignment_optimal: 4_096,
  };
}

function ioThread(vm: SimulatedVm, params: Params, hasMonitor: boolean): void {
  if (!vm.active || !hasMonitor) return;
  const { ioThreads } = vm.facts;
  params.uint('iothread.count', ioThreads.length);
  for (const id of ioThreads) {
    const polling = vm.polling(id);
    params.ullong(`iothread.${id}.poll-max-ns`, polling.max);
    params.uint(`iothread.${id}.poll-grow`, polling.grow);
    params.uint(`iothread.${id}.poll-shrink`, polling.shrink);
    if (knows(vm.release, 'pollWeight')) params.uint(`iothread.${id}.poll-weight`, polling.weight);
  }
}

/** For a VM whose dirty rate was never measured. */
function dirtyRate(vm: SimulatedVm, params: Params, hasMonitor: boolean): void {
  if (!vm.active || !hasMonitor) return;
  params.int('dirtyrate.calc_status', 0);
  params.llong('dirtyrate.calc_start_time', 0);
  params.int('dirtyrate.calc_period', 0);
  params.string('dirtyrate.calc_mode', 'page-sampling');
}

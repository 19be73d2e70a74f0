import { CpuSet } from '../model/cpu-set.ts';
import { seedOf, uuidFrom } from './random.ts';
import type { HostSpec, Scenario } from './scenario.ts';
import { type CpuClass, shareOut } from './schedule.ts';
import { SimulatedVm } from './vm.ts';
import { demandAt } from './workload.ts';

/** The longest step of time: bursts last longer, so that none is stepped over. */
const STEP_MS = 1_000;
/** Thousands of calls a second do not move the world each time. */
const STEP_MIN_MS = 100;
/** A gap longer than this (a laptop that slept) is taken in larger steps. */
const STEPS_MAX = 60;
const NS_PER_MS = 1e6;
/** The host has been up for so long when it is first asked: counters are not all zero, balloons have reported. */
const HISTORY_MS = 600_000;

export interface HostCpu {
  readonly id: number;
  readonly socket: number;
  readonly core: number;
  readonly siblings: CpuSet;
}

/** A host and its VMs, in time: `advance` lives through what passed since the last time. */
export class SimulatedHost {
  readonly name: string;
  readonly uuid: string;
  readonly spec: HostSpec;
  readonly seed: number;
  readonly load: number;
  readonly cpus: readonly HostCpu[];
  /** CPU time by mode since the start, ns, for each CPU. */
  readonly cpuTimes: { user: number; kernel: number; idle: number; iowait: number }[];
  /** Free pages by cell and size in KiB; what nodeAllocPages sets. */
  readonly hugepages: Map<number, number>[];
  readonly ksm = new Map<string, number>([
    ['shm_pages_to_scan', 100],
    ['shm_sleep_millisecs', 20],
    ['shm_merge_across_nodes', 1],
  ]);
  readonly #vms = new Map<string, SimulatedVm>();
  #list: readonly SimulatedVm[] | undefined;
  readonly #now: () => number;
  #atMs: number;
  #nextId = 1;

  constructor(scenario: Scenario, options: { name?: string; now?: () => number } = {}) {
    this.name = options.name ?? 'simulated-host';
    this.spec = scenario.host;
    this.seed = scenario.seed;
    this.uuid = uuidFrom((seedOf(this.name) ^ this.seed) >>> 0);
    this.load = scenario.load;
    this.#now = options.now ?? Date.now;
    this.#atMs = this.#now() - HISTORY_MS;
    this.cpus = layOut(scenario.host);
    this.cpuTimes = this.cpus.map(() => ({ user: 0, kernel: 0, idle: 0, iowait: 0 }));
    this.hugepages = Array.from(
      { length: scenario.host.sockets },
      () =>
        new Map([
          [2_048, 16_384],
          [1_048_576, 8],
        ]),
    );
    for (const spec of scenario.vms) this.add(new SimulatedVm(spec, this.seed, this.#nextId++));
  }

  get memoryKiB(): number {
    return this.spec.memoryGiB * 1_048_576;
  }

  get nowMs(): number {
    return this.#now();
  }

  get vms(): readonly SimulatedVm[] {
    this.#list ??= [...this.#vms.values()];
    return this.#list;
  }

  byUuid(uuid: string): SimulatedVm | undefined {
    return this.#vms.get(uuid);
  }

  byName(name: string): SimulatedVm | undefined {
    for (const vm of this.#vms.values()) if (vm.spec.name === name) return vm;
    return undefined;
  }

  add(vm: SimulatedVm): void {
    this.#vms.set(vm.uuid, vm);
    this.#list = undefined;
  }

  remove(vm: SimulatedVm): void {
    this.#vms.delete(vm.uuid);
    this.#list = undefined;
  }

  nextId(): number {
    return this.#nextId++;
  }

  /** Where a vCPU may run. */
  allowedCpus(vm: SimulatedVm, vcpu: number): CpuSet {
    return vm.vcpuPins.get(vcpu) ?? CpuSet.of(this.cpus.map((cpu) => cpu.id));
  }

  advance(): void {
    const toMs = this.#now();
    const gapMs = toMs - this.#atMs;
    if (gapMs < STEP_MIN_MS) return;
    const steps = Math.min(STEPS_MAX, Math.ceil(gapMs / STEP_MS));
    for (let i = 0; i < steps; i++) this.#step(this.#atMs + (gapMs * (i + 1)) / steps, gapMs / steps);
    this.#atMs = toMs;
  }

  #step(atMs: number, stepMs: number): void {
    const classes = new Map<string, { cpus: readonly number[]; demand: number }>();
    const everywhere = this.cpus.map((cpu) => cpu.id);
    const keyOf = (vm: SimulatedVm, vcpu: number): string => vm.vcpuPins.get(vcpu)?.toString() ?? 'all';
    const running = this.vms.filter((vm) => vm.running);
    const demands = running.map((vm) => demandAt(vm.spec.workload, vm.seed, atMs, this.load));
    running.forEach((vm, index) => {
      const wanted = demands[index]?.cpuPerVcpu ?? 0;
      for (let vcpu = 0; vcpu < vm.vcpuCurrent; vcpu++) {
        const key = keyOf(vm, vcpu);
        const pin = vm.vcpuPins.get(vcpu);
        const known = classes.get(key) ?? { cpus: pin === undefined ? everywhere : [...pin], demand: 0 };
        known.demand += wanted;
        classes.set(key, known);
      }
    });
    const keys = [...classes.keys()];
    const shares = shareOut([...classes.values()] as CpuClass[], this.cpus.length);
    const shareOf = new Map(keys.map((key, index) => [key, shares[index] ?? 1]));
    this.#squeezeBalloons(stepMs);
    running.forEach((vm, index) => {
      const demand = demands[index];
      if (demand !== undefined) live(vm, demand, stepMs, atMs, (vcpu) => shareOf.get(keyOf(vm, vcpu)) ?? 1);
    });
    this.#countHostTime(stepMs, classes);
  }

  /** When guests may use more than nine tenths of the host, the balloons of those without hugepages shrink. */
  #squeezeBalloons(stepMs: number): void {
    const running = this.vms.filter((vm) => vm.running);
    const fixedKiB = sum(running.filter(isFixed).map((vm) => vm.maximumKiB));
    const elastic = running.filter((vm) => !isFixed(vm));
    const wantedKiB = sum(elastic.map((vm) => vm.maximumKiB));
    const share = Math.min(1, Math.max(0.25, (this.memoryKiB * 0.9 - fixedKiB) / Math.max(1, wantedKiB)));
    if (share >= 1) return;
    for (const vm of elastic) {
      vm.balloonKiB = Math.round(vm.maximumKiB * share);
      // A guest that is squeezed below what it uses swaps the rest.
      const lackingKiB = Math.max(0, vm.maximumKiB * 0.7 - vm.balloonKiB);
      vm.swapOutKiB += Math.round((lackingKiB * stepMs) / 600_000);
      vm.swapInKiB += Math.round((lackingKiB * stepMs) / 900_000);
      vm.majorFaults += Math.round((lackingKiB * stepMs) / 6_000_000);
    }
  }

  #countHostTime(
    stepMs: number,
    classes: ReadonlyMap<string, { cpus: readonly number[]; demand: number }>,
  ): void {
    const busy = new Float64Array(this.cpus.length);
    for (const { cpus, demand } of classes.values()) {
      for (const cpu of cpus) busy[cpu] = (busy[cpu] ?? 0) + demand / cpus.length;
    }
    this.cpuTimes.forEach((times, cpu) => {
      const share = Math.min(1, busy[cpu] ?? 0);
      times.user += share * 0.85 * stepMs * NS_PER_MS;
      times.kernel += share * 0.15 * stepMs * NS_PER_MS;
      times.idle += (1 - share) * stepMs * NS_PER_MS;
    });
  }
}

const sum = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0);
const isFixed = (vm: SimulatedVm): boolean => vm.spec.hugepagesKiB !== undefined;

/** What a VM does in a step, given the share of CPU that it gets: one that waits also asks its disks for less. */
function live(
  vm: SimulatedVm,
  demand: ReturnType<typeof demandAt>,
  stepMs: number,
  atMs: number,
  shareOf: (vcpu: number) => number,
): void {
  const seconds = stepMs / 1_000;
  let shares = 0;
  for (let id = 0; id < vm.vcpuCurrent; id++) {
    const vcpu = vm.vcpus[id];
    if (vcpu === undefined) continue;
    const share = shareOf(id);
    shares += share;
    const wantedNs = Math.round(demand.cpuPerVcpu * stepMs * NS_PER_MS);
    const ranNs = Math.round(wantedNs * share);
    vcpu.timeNs += ranNs;
    vcpu.delayNs += wantedNs - ranNs;
    vcpu.waitNs += Math.round(demand.readRequests * seconds * 20_000);
    const cpus = vm.vcpuPins.get(id);
    vcpu.cpu = cpus?.first ?? (vm.seed + id + Math.floor(atMs / 5_000)) % 4;
    vm.cpuUserNs += Math.round(ranNs * 0.04);
    vm.cpuSystemNs += Math.round(ranNs * 0.06);
  }
  const pace = vm.vcpuCurrent === 0 ? 0 : shares / vm.vcpuCurrent;
  vm.disks.forEach((disk, index) => {
    // The last disk is the data disk and takes nine tenths.
    const part =
      vm.disks.length === 1 ? 1 : index === vm.disks.length - 1 ? 0.9 : 0.1 / (vm.disks.length - 1);
    const cached = vm.spec.disks[index]?.cache !== 'none';
    const reads = Math.round(demand.readRequests * part * pace * seconds);
    const writes = Math.round(demand.writeRequests * part * pace * seconds);
    const flushes = Math.round(demand.flushRequests * part * pace * seconds);
    disk.readRequests += reads;
    disk.readBytes += reads * demand.requestBytes;
    disk.readNs += reads * (cached ? 350_000 : 180_000);
    disk.writeRequests += writes;
    disk.writeBytes += writes * demand.requestBytes;
    disk.writeNs += writes * (cached ? 90_000 : 240_000);
    disk.flushRequests += flushes;
    disk.flushNs += flushes * 900_000;
  });
  for (const nic of vm.nics) {
    const packets = Math.round((demand.packets * pace * seconds) / vm.nics.length);
    nic.rxPackets += packets;
    nic.rxBytes += packets * demand.packetBytes;
    nic.txPackets += packets;
    nic.txBytes += Math.round(packets * demand.packetBytes * 1.6);
  }
  vm.minorFaults += Math.round(demand.cpuPerVcpu * vm.vcpuCurrent * 400 * seconds);
  if (vm.balloonPeriodSeconds > 0) {
    vm.lastUpdateSeconds = Math.floor(atMs / 1_000 / vm.balloonPeriodSeconds) * vm.balloonPeriodSeconds;
  }
}

/** CPUs numbered as Linux does: first every core's first thread, then the second threads. */
function layOut({ sockets, coresPerSocket, threadsPerCore }: HostSpec): HostCpu[] {
  const cores = sockets * coresPerSocket;
  return Array.from({ length: cores * threadsPerCore }, (_, id) => {
    const core = id % cores;
    return {
      id,
      socket: Math.floor(core / coresPerSocket),
      core: core % coresPerSocket,
      siblings: CpuSet.of(Array.from({ length: threadsPerCore }, (_each, thread) => thread * cores + core)),
    };
  });
}

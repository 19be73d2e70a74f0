import { CpuSet } from '../model/cpu-set.ts';
import { type Effects, effectsOf } from './effects.ts';
import { PagePools } from './page-pools.ts';
import { seedOf } from './random.ts';
import type { HostSpec, Scenario } from './scenario.ts';
import { type CpuClass, shareOut } from './schedule.ts';
import { type HostCell, type HostCpu, layOut } from './topology.ts';
import { SimulatedVm, uuidFrom } from './vm.ts';
import type { VmFacts } from './vm-facts.ts';
import { type Demand, demandAt } from './workload.ts';

/** The longest step of time: bursts last longer, so that none is stepped over. */
const STEP_MS = 1_000;
/** Thousands of calls a second do not move the world each time. */
const STEP_MIN_MS = 100;
/** A gap longer than this (a laptop that slept) is taken in larger steps. */
const STEPS_MAX = 60;
const NS_PER_MS = 1e6;
const MOVE_MS = 5_000;
/** The host has been up for so long when it is first asked: counters are not all zero, balloons have reported. */
const HISTORY_MS = 600_000;

/** A host and its VMs, in time: `advance` lives through what passed since the last time. */
export class SimulatedHost {
  readonly name: string;
  readonly uuid: string;
  readonly spec: HostSpec;
  readonly seed: number;
  readonly load: number;
  readonly cpus: readonly HostCpu[];
  readonly cells: readonly HostCell[];
  readonly onlineCpus: CpuSet;
  /** CPU time by mode since the start, ns, for each CPU. */
  readonly cpuTimes: { user: number; kernel: number; idle: number; iowait: number }[];
  readonly hugepages: PagePools;
  /** KSM's knobs, as nodeSetMemoryParameters sets them. */
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
    this.uuid = uuidFrom(seedOf(this.name));
    this.spec = scenario.host;
    this.seed = scenario.seed;
    this.load = scenario.load;
    this.#now = options.now ?? Date.now;
    this.#atMs = this.#now() - HISTORY_MS;
    const { cpus, cells } = layOut(scenario.host);
    this.cpus = cpus;
    this.cells = cells;
    this.onlineCpus = CpuSet.of(cpus.filter((cpu) => cpu.online).map((cpu) => cpu.id));
    this.cpuTimes = this.cpus.map(() => ({ user: 0, kernel: 0, idle: 0, iowait: 0 }));
    const totals = Object.entries(scenario.host.hugepages).map(
      ([sizeKiB, pages]) => [Number(sizeKiB), pages] as const,
    );
    this.hugepages = new PagePools(cells.length, new Map(totals));
    for (const spec of scenario.vms) {
      const vm = new SimulatedVm(spec, this.seed, this.#nextId++);
      // A scenario that promises more than there is runs all the same.
      if (vm.active) vm.pages = this.hugepages.take(vm.facts.pages) ?? [];
      this.add(vm);
    }
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
    for (const vm of this.#vms.values()) if (vm.name === name) return vm;
    return undefined;
  }

  add(vm: SimulatedVm): void {
    this.#vms.set(vm.uuid, vm);
    this.#list = undefined;
  }

  /** Its end, whatever the reason: what it held is free again. */
  stop(vm: SimulatedVm, reason: number): void {
    this.hugepages.giveBack(vm.pages);
    vm.stop(reason);
    if (!vm.persistent) this.remove(vm);
  }

  remove(vm: SimulatedVm): void {
    this.#vms.delete(vm.uuid);
    this.#list = undefined;
  }

  /** For a domain that was defined without one. */
  newUuid(): string {
    return uuidFrom((this.seed * 7_919 + this.#nextId++) >>> 0);
  }

  nextId(): number {
    return this.#nextId++;
  }

  /** Where a vCPU may run. */
  allowedCpus({ facts }: SimulatedVm, vcpu: number): CpuSet {
    return facts.vcpuPins.get(vcpu) ?? facts.cpuSet ?? this.onlineCpus;
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
    const everywhere = [...this.onlineCpus];
    const running = this.vms
      .filter((vm) => vm.running)
      .map((vm) => ({
        vm,
        facts: vm.facts,
        effects: effectsOf(vm.facts, this),
        demand: demandAt(vm.spec.workload, vm.seed, atMs, this.load),
      }));
    for (const { effects, demand } of running) {
      for (const { cpus, key } of effects.places) {
        const known = classes.get(key) ?? { cpus: cpus === undefined ? everywhere : [...cpus], demand: 0 };
        known.demand += demand.cpuPerVcpu;
        classes.set(key, known);
      }
    }
    const keys = [...classes.keys()];
    const shares = shareOut([...classes.values()] as CpuClass[], this.cpus.length);
    const shareOf = new Map(keys.map((key, index) => [key, shares[index] ?? 1]));
    this.#squeezeBalloons(running, stepMs);
    const storage = storageOf(
      this.spec,
      running.map(({ demand }) => demand),
    );
    for (const each of running)
      live(each, stepMs, atMs, { everywhere, storage }, (key) => shareOf.get(key) ?? 1);
    this.#countHostTime(stepMs, classes);
  }

  /** When guests may use more than nine tenths of the host, the balloons of those without hugepages shrink. */
  #squeezeBalloons(running: readonly Running[], stepMs: number): void {
    let [fixedKiB, wantedKiB] = [0, 0];
    for (const { facts } of running) {
      if (facts.pages.length > 0) fixedKiB += facts.maximumKiB;
      else wantedKiB += facts.maximumKiB;
    }
    const share = Math.min(1, Math.max(0.25, (this.memoryKiB * 0.9 - fixedKiB) / Math.max(1, wantedKiB)));
    if (share >= 1) return;
    for (const { vm, facts } of running) {
      if (facts.pages.length > 0) continue;
      const { maximumKiB } = facts;
      vm.balloonKiB = Math.min(facts.currentKiB, Math.round(maximumKiB * share));
      // A guest that is squeezed below what it uses swaps the rest.
      const lackingKiB = Math.max(0, maximumKiB * 0.7 - vm.balloonKiB);
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

/** A VM that runs in a step, with all that decides what it does. */
interface Running {
  readonly vm: SimulatedVm;
  readonly facts: VmFacts;
  readonly effects: Effects;
  readonly demand: Demand;
}

/** A disk that has to wait for the storage waits for a full queue at most, ns. */
const QUEUE_NS = 100e6;
const MIB_BYTES = 1_048_576;

/** What all VMs of a host share in a step. */
interface Surroundings {
  readonly everywhere: readonly number[];
  readonly storage: Storage;
}

interface Storage {
  /** Of what is asked, what is done. */
  readonly share: number;
  /** How long a request takes that would take `ns` on storage that nobody else uses. */
  readonly timeNs: (ns: number) => number;
}

/** One server with a queue before it (M/M/1), as long as it is not asked for more than it has. */
function storageOf({ storageMiBps }: HostSpec, demands: readonly Demand[]): Storage {
  const askedBytes = demands.reduce(
    (sum, { readRequests, writeRequests, requestBytes }) =>
      sum + (readRequests + writeRequests) * requestBytes,
    0,
  );
  const load = askedBytes / (storageMiBps * MIB_BYTES);
  return {
    share: Math.min(1, 1 / Math.max(load, 1e-9)),
    timeNs: (ns) => (load >= 1 ? QUEUE_NS : Math.min(QUEUE_NS, ns / (1 - load))),
  };
}

/** What a VM does in a step, given the share of CPU that it gets: one that waits also asks its disks for less. */
function live(
  { vm, facts, effects, demand }: Running,
  stepMs: number,
  atMs: number,
  { everywhere, storage }: Surroundings,
  shareOf: (key: string) => number,
): void {
  const seconds = stepMs / 1_000;
  const wantedNs = Math.round(demand.cpuPerVcpu * stepMs * NS_PER_MS);
  let shares = 0;
  effects.places.forEach(({ cpus, key }, id) => {
    const vcpu = vm.vcpus[id];
    if (vcpu === undefined) return;
    const share = shareOf(key);
    shares += share;
    const ranNs = Math.round(wantedNs * share);
    vcpu.timeNs += ranNs;
    vcpu.delayNs += wantedNs - ranNs;
    vcpu.waitNs += Math.round(demand.readRequests * seconds * 20_000);
    const allowed = cpus === undefined ? everywhere : [...cpus];
    // Every few seconds the scheduler moves a vCPU to another of the CPUs that it may run on.
    vcpu.cpu = allowed[(vm.seed + id * 7 + Math.floor(atMs / MOVE_MS) * 5) % allowed.length] ?? 0;
    vm.cpuUserNs += Math.round(ranNs * 0.04);
    vm.cpuSystemNs += Math.round(ranNs * 0.06);
  });
  const pace = facts.vcpusCurrent === 0 ? 0 : (shares / facts.vcpusCurrent) * effects.pace;
  vm.disks.forEach((counters, index) => {
    const times = effects.disks[index];
    if (times === undefined) return;
    // The last disk is the data disk and takes nine tenths.
    const part =
      vm.disks.length === 1 ? 1 : index === vm.disks.length - 1 ? 0.9 : 0.1 / (vm.disks.length - 1);
    const reads = Math.round(demand.readRequests * part * pace * storage.share * seconds);
    const writes = Math.round(demand.writeRequests * part * pace * storage.share * seconds);
    const flushes = Math.round(demand.flushRequests * part * pace * seconds);
    counters.readRequests += reads;
    counters.readBytes += reads * demand.requestBytes;
    counters.readNs += Math.round(reads * storage.timeNs(times.readNs));
    counters.writeRequests += writes;
    counters.writeBytes += writes * demand.requestBytes;
    counters.writeNs += Math.round(writes * storage.timeNs(times.writeNs));
    counters.flushRequests += flushes;
    counters.flushNs += Math.round(flushes * storage.timeNs(times.flushNs));
  });
  for (const nic of vm.nics) {
    const packets = Math.round((demand.packets * pace * seconds) / vm.nics.length);
    nic.rxPackets += packets;
    nic.rxBytes += packets * demand.packetBytes;
    nic.txPackets += packets;
    nic.txBytes += Math.round(packets * demand.packetBytes * 1.6);
  }
  vm.minorFaults += Math.round(demand.cpuPerVcpu * facts.vcpusCurrent * 400 * seconds);
  const period = facts.balloonPeriodSeconds;
  if (period > 0) vm.lastUpdateSeconds = Math.floor(atMs / 1_000 / period) * period;
}

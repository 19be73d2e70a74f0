import { type CpuGroup, shareOut } from '../model/cpu-schedule/share-out.ts';
import { CpuSet } from '../model/cpu-set.ts';
import { effectsOf } from './effects.ts';
import { live } from './life.ts';
import { PagePools } from './page-pools.ts';
import { seedOf, uuidFrom } from './random.ts';
import { DEFAULT_RELEASE, type Release } from './release.ts';
import type { Running } from './running.ts';
import type { HostSpec, Scenario } from './scenario.ts';
import { Secrets } from './secrets.ts';
import { storageOf } from './storage.ts';
import { type HostCell, type HostCpu, layOut } from './topology.ts';
import { SimulatedVm } from './vm.ts';
import { BURST_MS, demandAt } from './workload.ts';

/** Maximum time step; bursts last longer, so that none is skipped. */
const STEP_MS = 1_000;
/** Minimum time step: thousands of calls per second should not each advance the simulation. */
const STEP_MIN_MS = 100;
/** A longer gap (a suspended laptop) is simulated in larger steps. */
const STEPS_MAX = 60;
const NS_PER_MS = 1e6;
/** Fraction of its memory that a guest's kernel needs. */
const KERNEL_SHARE = 0.04;
/** Simulated uptime at the first request, so that counters are not all zero and balloons have reported. */
const HISTORY_MS = 600_000;

export interface SimulatedHostOptions {
  readonly name?: string;
  readonly release?: Release;
  /** Wall clock, ms since 1970. */
  readonly now?: () => number;
  /** Shorter for tests in a hurry; must exceed a time step. */
  readonly burstMs?: number;
}

/** A host and its VMs over time: `advance` simulates the time since the last call. */
export class SimulatedHost {
  readonly name: string;
  readonly uuid: string;
  /** Its libvirt and QEMU versions. */
  readonly release: Release;
  readonly spec: HostSpec;
  readonly seed: number;
  readonly load: number;
  readonly cpus: readonly HostCpu[];
  readonly cells: readonly HostCell[];
  readonly onlineCpus: CpuSet;
  /** CPU time by mode since the start, ns, for each CPU. */
  readonly cpuTimes: { user: number; kernel: number; idle: number; iowait: number }[];
  readonly hugepages: PagePools;
  readonly secrets = new Secrets();
  /** KSM's knobs, as nodeSetMemoryParameters sets them. */
  readonly ksm = new Map<string, number>([
    ['shm_pages_to_scan', 100],
    ['shm_sleep_millisecs', 20],
    ['shm_merge_across_nodes', 1],
  ]);
  /** VMs whose balloons the host has inflated. */
  readonly #squeezed = new WeakSet<SimulatedVm>();
  readonly #vms = new Map<string, SimulatedVm>();
  #list: readonly SimulatedVm[] | undefined;
  readonly #now: () => number;
  readonly #burstMs: number;
  #atMs: number;
  #nextId = 1;

  constructor(scenario: Scenario, options: SimulatedHostOptions = {}) {
    this.name = options.name ?? 'simulated-host';
    this.release = options.release ?? DEFAULT_RELEASE;
    this.#burstMs = options.burstMs ?? BURST_MS;
    this.spec = scenario.host;
    this.seed = scenario.seed;
    this.uuid = uuidFrom((seedOf(this.name) ^ this.seed) >>> 0);
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
      const vm = new SimulatedVm(spec, this, this.#nextId++);
      // A scenario that allocates more pages than exist runs anyway.
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

  /** Stops a VM for any reason, and releases its resources. */
  stop(vm: SimulatedVm, reason: number): void {
    this.hugepages.giveBack(vm.pages);
    vm.stop(reason);
    if (!vm.persistent) this.remove(vm);
  }

  remove(vm: SimulatedVm): void {
    this.#vms.delete(vm.uuid);
    this.#list = undefined;
  }

  /** For a domain that was defined without a UUID. */
  newUuid(): string {
    return uuidFrom((this.seed * 7_919 + this.#nextId++) >>> 0);
  }

  nextId(): number {
    return this.#nextId++;
  }

  /** CPU affinity of a vCPU. */
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
    const everywhere = [...this.onlineCpus];
    const running = this.vms
      .filter((vm) => vm.running)
      .map((vm) => ({
        vm,
        facts: vm.facts,
        effects: effectsOf(vm.facts, this),
        demand: demandAt(vm.spec.workload, vm.seed, atMs, this.load * vm.spec.load, this.#burstMs),
      }));
    const groups = running.map(({ effects: { weight, places, cap }, demand }) => ({
      weight,
      classes: places.map(({ cpus = this.onlineCpus, vcpus }) => ({
        cpus,
        demand: vcpus * Math.min(demand.cpuPerVcpu, cap),
      })),
    }));
    const parts = shareOut(groups);
    this.#squeezeBalloons(running);
    this.#swap(running, stepMs);
    const storage = storageOf(this.spec, running);
    running.forEach((each, index) => {
      live(each, stepMs, atMs, { everywhere, storage }, parts[index] ?? []);
    });
    this.#countHostTime(stepMs, groups);
  }

  /** When guests may use more than nine tenths of the host, inflates the balloons of those without hugepages. */
  #squeezeBalloons(running: readonly Running[]): void {
    let [fixedKiB, wantedKiB] = [0, 0];
    for (const { facts } of running) {
      if (facts.pages.length > 0) fixedKiB += facts.maximumKiB;
      else wantedKiB += facts.maximumKiB;
    }
    const share = Math.min(1, Math.max(0.25, (this.memoryKiB * 0.9 - fixedKiB) / Math.max(1, wantedKiB)));
    for (const { vm, facts } of running) {
      if (share < 1 && facts.pages.length === 0) {
        vm.balloonKiB = Math.min(facts.currentKiB, Math.round(facts.maximumKiB * share));
        this.#squeezed.add(vm);
      } else if (this.#squeezed.delete(vm)) vm.balloonKiB = facts.currentKiB;
    }
  }

  #swap(running: readonly Running[], stepMs: number): void {
    for (const { vm, facts } of running) {
      const { maximumKiB } = facts;
      // A guest whose balloon leaves it less than it uses swaps the difference.
      const lackingKiB = Math.max(0, vm.neededKiB + maximumKiB * KERNEL_SHARE - vm.balloonKiB);
      vm.swapOutKiB += Math.round((lackingKiB * stepMs) / 600_000);
      vm.swapInKiB += Math.round((lackingKiB * stepMs) / 900_000);
      vm.majorFaults += Math.round((lackingKiB * stepMs) / 6_000_000);
    }
  }

  #countHostTime(stepMs: number, groups: readonly CpuGroup[]): void {
    const wanted = new Map<CpuSet, number>();
    for (const { cpus, demand } of groups.flatMap(({ classes }) => classes)) {
      wanted.set(cpus, (wanted.get(cpus) ?? 0) + demand);
    }
    const busy = new Float64Array(this.cpus.length);
    for (const [cpus, demand] of wanted) {
      for (const cpu of cpus) busy[cpu] = (busy[cpu] ?? 0) + demand / cpus.size;
    }
    this.cpuTimes.forEach((times, cpu) => {
      const share = Math.min(1, busy[cpu] ?? 0);
      times.user += share * 0.85 * stepMs * NS_PER_MS;
      times.kernel += share * 0.15 * stepMs * NS_PER_MS;
      times.idle += (1 - share) * stepMs * NS_PER_MS;
    });
  }
}

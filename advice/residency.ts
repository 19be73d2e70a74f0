/** One vCPU in one tick: where it was seen, and how much it ran. */
interface Seen {
  readonly key: string;
  readonly vcpu: number;
  readonly cpu: number;
  /** CPU seconds per second. */
  readonly run: number;
}

interface Tick {
  readonly keys: readonly string[];
  readonly vm: Uint32Array;
  readonly vcpu: Uint16Array;
  readonly cpu: Int16Array;
  readonly run: Float32Array;
  /** CPU seconds per second that each VM waited, in the order of `keys`. */
  readonly delay: Float32Array;
}

/** A VM that ran on the CPUs of another VM while that one waited. */
export interface Neighbour {
  readonly key: string;
  /** CPU seconds per second on the CPUs of the waiting VM, weighted by how long it waited. */
  readonly run: number;
  /** Share of everything that others ran there. */
  readonly share: number;
  readonly cpus: readonly number[];
}

export interface Blame {
  /** CPU seconds per second that the VM waited, mean over the ticks. */
  readonly delay: number;
  readonly ticks: number;
  readonly cpus: readonly number[];
  /** Largest first. */
  readonly neighbours: readonly Neighbour[];
}

export interface VmTick {
  readonly key: string;
  readonly delay: number;
  readonly vcpus: readonly { readonly vcpu: number; readonly cpu: number; readonly run: number }[];
}

/**
 * Which vCPU was seen on which CPU in the last ticks, in typed arrays: 8,000 vCPUs take 100 KB per tick. libvirt
 * reports the placement at the moment of the call (domainGetVcpus), so this is a sample of where vCPUs run.
 */
export class Residency {
  readonly #max: number;
  #ticks: Tick[] = [];

  constructor(max = 30) {
    this.#max = max;
  }

  get ticks(): number {
    return this.#ticks.length;
  }

  add(vms: readonly VmTick[]): void {
    const count = vms.reduce((sum, vm) => sum + vm.vcpus.length, 0);
    const tick: Tick = {
      keys: vms.map((vm) => vm.key),
      vm: new Uint32Array(count),
      vcpu: new Uint16Array(count),
      cpu: new Int16Array(count),
      run: new Float32Array(count),
      delay: Float32Array.from(vms, (vm) => vm.delay),
    };
    let at = 0;
    vms.forEach((vm, index) => {
      for (const { vcpu, cpu, run } of vm.vcpus) {
        tick.vm[at] = index;
        tick.vcpu[at] = vcpu;
        tick.cpu[at] = cpu;
        tick.run[at] = run;
        at++;
      }
    });
    this.#ticks.push(tick);
    if (this.#ticks.length > this.#max) this.#ticks.shift();
  }

  /** Who was seen on each CPU in the newest tick, the busiest first. */
  now(): ReadonlyMap<number, readonly Seen[]> {
    const byCpu = new Map<number, Seen[]>();
    const tick = this.#ticks.at(-1);
    if (tick === undefined) return byCpu;
    for (let at = 0; at < tick.cpu.length; at++) {
      const cpu = tick.cpu[at] as number;
      if (cpu < 0) continue;
      const seen = {
        key: tick.keys[tick.vm[at] as number] as string,
        vcpu: tick.vcpu[at] as number,
        cpu,
        run: tick.run[at] as number,
      };
      const list = byCpu.get(cpu);
      if (list === undefined) byCpu.set(cpu, [seen]);
      else list.push(seen);
    }
    for (const list of byCpu.values()) list.sort((a, b) => b.run - a.run);
    return byCpu;
  }

  /**
   * Who ran on the CPUs of this VM while it waited. Its CPUs are those it is pinned to (`allowed`), or where it was
   * seen in that tick if it is not pinned. Each tick is weighted by how long the VM waited in it, so VMs that ran while
   * it did not wait are not blamed. Undefined when it did not wait.
   */
  blame(key: string, allowed: ReadonlySet<number> | undefined): Blame | undefined {
    const byKey = new Map<string, { run: number; cpus: Set<number> }>();
    const onCpus = new Set<number>();
    let delay = 0;
    let others = 0;
    for (const tick of this.#ticks) {
      const index = tick.keys.indexOf(key);
      const waited = tick.delay[index] ?? 0;
      if (!(waited > 0)) continue;
      delay += waited;
      const cpus = allowed ?? placesOf(tick, index);
      for (const cpu of cpus) onCpus.add(cpu);
      for (let at = 0; at < tick.cpu.length; at++) {
        const cpu = tick.cpu[at] as number;
        if (tick.vm[at] === index || !cpus.has(cpu)) continue;
        const run = (tick.run[at] as number) * waited;
        if (!(run > 0)) continue;
        const other = tick.keys[tick.vm[at] as number] as string;
        const found = byKey.get(other) ?? { run: 0, cpus: new Set<number>() };
        found.run += run;
        found.cpus.add(cpu);
        byKey.set(other, found);
        others += run;
      }
    }
    if (delay <= 0) return undefined;
    const neighbours = [...byKey]
      .map(([other, { run, cpus }]) => ({
        key: other,
        run: run / delay,
        share: run / others,
        cpus: [...cpus].sort((a, b) => a - b),
      }))
      .sort((a, b) => b.run - a.run);
    return {
      delay: delay / this.#ticks.length,
      ticks: this.#ticks.length,
      cpus: [...onCpus].sort((a, b) => a - b),
      neighbours,
    };
  }
}

function placesOf(tick: Tick, index: number): ReadonlySet<number> {
  const places = new Set<number>();
  for (let at = 0; at < tick.cpu.length; at++) {
    if (tick.vm[at] === index && (tick.cpu[at] as number) >= 0) places.add(tick.cpu[at] as number);
  }
  return places;
}

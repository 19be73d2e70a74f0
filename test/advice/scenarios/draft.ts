import { connect } from '../../../libvirt/client/connect.ts';
import type { Connection } from '../../../libvirt/client/connection.ts';
import type { HostSample } from '../../../sampler/host-sample.ts';
import { seededRandom } from '../../../simulator/random.ts';
import type { ScenarioInput } from '../../../simulator/scenario.ts';
import type { SimulatedVm } from '../../../simulator/vm.ts';
import type { World } from '../world.ts';

export type VmInput = ScenarioInput['vms'][number];
export type DiskInput = NonNullable<VmInput['disks']>[number];

/** A busy disk without problems. */
export const GOOD_DISK: DiskInput = {
  target: 'vdb',
  sizeGiB: 200,
  format: 'raw',
  cache: 'none',
  io: 'native',
  ioThread: 1,
};
const SYSTEM_DISK: DiskInput = { target: 'vda', sizeGiB: 20 };

/** Two NUMA cells with two threads per core. */
const SOCKETS = 2;

/** A host under construction: its VMs, its CPUs that are still unpinned, and what happens before it is observed. */
export class Draft {
  readonly random: () => number;
  readonly vms: VmInput[] = [];
  readonly cores: number;
  memoryGiB = 512;
  storageMiBps = 8_000;
  hugepages: { 2048: number; 1048576: number } = { 2048: 16_384, 1048576: 8 };
  readonly #free: number[][];
  readonly #before: ((world: World) => Promise<void> | void)[] = [];
  readonly #augment: ((sample: HostSample, seconds: number) => HostSample)[] = [];
  #names = 0;
  #databases = 0;

  constructor(seed: number) {
    this.random = seededRandom(seed);
    this.cores = this.pick(16, 20);
    this.#free = Array.from({ length: SOCKETS }, (_, cell) =>
      Array.from({ length: this.cores }, (_each, core) => cell * this.cores + core),
    );
  }

  pick<T>(...values: readonly T[]): T {
    return values[Math.floor(this.random() * values.length)] as T;
  }

  between(least: number, most: number): number {
    return least + Math.floor(this.random() * (most - least + 1));
  }

  chance(probability: number): boolean {
    return this.random() < probability;
  }

  get cpus(): number {
    return SOCKETS * this.cores * 2;
  }

  /** Takes CPUs of one cell to which no VM is pinned so far, each on a separate core. */
  takeCpus(count: number, cell: number): number[] {
    const taken = this.#free[cell]?.splice(0, count) ?? [];
    if (taken.length < count) throw new Error(`cell ${cell} has too few CPUs for this scenario`);
    return taken;
  }

  add(kind: VmInput['workload'], more: Partial<VmInput> = {}): VmInput {
    this.#names++;
    const vm: VmInput = {
      name: `${kind}-${this.#names}`,
      workload: kind,
      vcpus: 2,
      memoryMiB: 4_096,
      disks: [SYSTEM_DISK],
      shutdownSeconds: 0,
      ...more,
    };
    this.vms.push(vm);
    return vm;
  }

  /** A well-configured database: dedicated CPUs, local huge pages, disks that bypass the page cache. */
  database(more: Partial<VmInput> = {}): VmInput {
    const cell = this.#databases++ % SOCKETS;
    return this.add('oltp', {
      vcpus: 4,
      memoryMiB: 8_192,
      pins: this.takeCpus(4, cell).map(String),
      numaNode: cell,
      hugepagesKiB: 2_048,
      ioThreads: 1,
      disks: [{ ...SYSTEM_DISK, target: 'vda' }, GOOD_DISK],
      ...more,
    });
  }

  /** A VM that computes all day, regardless of bursts. */
  batch(more: Partial<VmInput> = {}): VmInput {
    return this.add('batch', {
      vcpus: 4,
      load: 3,
      ioThreads: 1,
      disks: [{ ...GOOD_DISK, target: 'vda' }],
      ...more,
    });
  }

  /** Runs after the host was created, before it is observed. */
  before(what: (world: World) => Promise<void> | void): void {
    this.#before.push(what);
  }

  /** Calls that a libvirt client made earlier. */
  call(what: (connection: Connection) => Promise<unknown>): void {
    this.before(async ({ uri }) => {
      const connection = await connect(uri, { readOnly: false });
      try {
        await what(connection);
      } finally {
        await connection.close();
      }
    });
  }

  /** Earlier events of one VM. */
  vmBefore({ name }: VmInput, what: (vm: SimulatedVm) => void): void {
    this.before(({ daemon }) => what(daemon.vm(name)));
  }

  /** Adds what the simulator cannot report, such as data only in /proc; `seconds` since the first sample. */
  augment(what: (sample: HostSample, seconds: number) => HostSample): void {
    this.#augment.push(what);
  }

  augmentVm(
    { name }: VmInput,
    what: (domain: HostSample['domains'][number], seconds: number) => Partial<HostSample['domains'][number]>,
  ): void {
    this.augment((sample, seconds) => ({
      ...sample,
      domains: sample.domains.map((domain) =>
        domain.domain.name === name ? { ...domain, ...what(domain, seconds) } : domain,
      ),
    }));
  }

  get input(): ScenarioInput {
    return {
      name: 'drawn',
      description: 'a host with a known fault',
      host: {
        sockets: SOCKETS,
        coresPerSocket: this.cores,
        threadsPerCore: 2,
        memoryGiB: this.memoryGiB,
        storageMiBps: this.storageMiBps,
        hugepages: this.hugepages,
      },
      vms: this.vms,
    };
  }

  async prepare(world: World): Promise<void> {
    for (const what of this.#before) await what(world);
  }

  augmented(): (sample: HostSample) => HostSample {
    let firstMs: number | undefined;
    return (sample) => {
      firstMs ??= sample.startedAtMs;
      const seconds = (sample.startedAtMs - firstMs) / 1_000;
      return this.#augment.reduce((all, what) => what(all, seconds), sample);
    };
  }
}

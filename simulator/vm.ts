import { DomainState } from '../libvirt/constants.ts';
import type { Domain } from '../libvirt/wire/types.ts';
import { Description } from './description.ts';
import { MeasuredDisk } from './measured-disk.ts';
import type { HeldPages } from './page-pools.ts';
import { seedOf, uuidFrom } from './random.ts';
import { knows, type Release } from './release.ts';
import type { VmSpec } from './scenario.ts';
import { factsOfSpec, factsOfXml, type PollAttribute, type Polling, type VmFacts } from './vm-facts.ts';
import { withoutSecrets } from './xml/definition.ts';
import { specXml } from './xml/from-spec.ts';
import { started } from './xml/live.ts';

export interface VcpuCounters {
  timeNs: number;
  waitNs: number;
  delayNs: number;
  /** The CPU it ran on last. */
  cpu: number;
}

export interface DiskCounters {
  readRequests: number;
  readBytes: number;
  readNs: number;
  writeRequests: number;
  writeBytes: number;
  writeNs: number;
  flushRequests: number;
  flushNs: number;
  /** Requests of recent steps, if windows or histograms are requested. */
  readonly measured: MeasuredDisk;
}

export interface NicCounters {
  rxBytes: number;
  rxPackets: number;
  rxDrops: number;
  txBytes: number;
  txPackets: number;
}

/** QEMU's defaults before and after it introduced a polling weight. */
const POLLING: Readonly<Polling> = { max: 32_768, grow: 0, shrink: 0, weight: 0 };
const WEIGHTED_POLLING: Readonly<Polling> = { max: 32_768, grow: 2, shrink: 2, weight: 3 };

const FIRST_WAIT_NS = 20_000;

/** One simulated domain: its definition, its live state, and its counters. */
export class SimulatedVm {
  readonly spec: VmSpec;
  readonly uuid: string;
  readonly seed: number;
  /** Release of its host. */
  readonly release: Release;
  readonly blockThresholds = new Map<string, number>();
  /** Persistent definition, used by the next start; undefined for a transient VM. */
  definition: Description | undefined;
  /** Live description. */
  live: Description | undefined;
  /** Hugepages of the host that it holds. */
  pages: readonly HeldPages[] = [];
  /** Creation time of its snapshots, by name, seconds since 1970. */
  readonly snapshots = new Map<string, number>();
  id: number;
  state: number;
  reason: number;
  balloonKiB: number;
  /** Memory used by processes in its guest, regardless of what they get. */
  readonly neededKiB: number;
  lastUpdateSeconds = 0;
  /** The guest's last report, which QEMU repeats until the next one. */
  guestReport: Readonly<Record<string, number>> = {};
  cpuUserNs = 0;
  cpuSystemNs = 0;
  swapInKiB = 0;
  swapOutKiB = 0;
  majorFaults = 0;
  minorFaults = 0;
  vcpus: VcpuCounters[] = [];
  disks: DiskCounters[] = [];
  nics: NicCounters[] = [];
  readonly #polling = new Map<number, Partial<Polling>>();

  /** `definition`: the XML of a client; by default that of the spec. */
  constructor(
    spec: VmSpec,
    host: { readonly seed: number; readonly release: Release },
    id: number,
    definition?: { uuid: string; xml: string },
  ) {
    this.spec = spec;
    this.release = host.release;
    this.seed = (seedOf(spec.name) ^ host.seed) >>> 0;
    this.uuid = definition?.uuid ?? uuidFrom(this.seed);
    this.id = spec.state === 'shutoff' ? -1 : id;
    [this.state, this.reason] = INITIAL[spec.state];
    this.definition = this.#described(undefined, definition?.xml);
    if (this.active) this.live = this.#described(id);
    this.balloonKiB = this.facts.currentKiB;
    this.neededKiB = this.facts.maximumKiB * spec.memoryUse;
    this.#resetCounters();
  }

  get name(): string {
    return this.spec.name;
  }

  get running(): boolean {
    return this.state === DomainState.running;
  }

  get active(): boolean {
    return this.id !== -1;
  }

  get persistent(): boolean {
    return this.definition !== undefined;
  }

  get domain(): Domain {
    return { name: this.name, uuid: this.uuid, id: this.id };
  }

  /** Facts of the live description, else of the definition. */
  get facts(): VmFacts {
    const description = this.live ?? this.definition;
    if (description === undefined) throw new Error(`${this.name} is neither running nor defined`);
    return description.facts;
  }

  /** The host's interface of a NIC: unique on the host, and stable during a run. */
  readonly nicName = (index: number): string => `vnet${this.id * 8 + index}`;

  /** Its XML as returned to a client. */
  xml(want: { readonly inactive: boolean; readonly secure: boolean }): string {
    const { live } = this;
    const description = want.inactive ? (this.definition ?? live) : (live ?? this.definition);
    const text = description?.xml ?? '';
    const current =
      description === live
        ? text.replace(/(<currentMemory unit='KiB'>)\d+/, (_, start: string) => `${start}${this.balloonKiB}`)
        : text;
    return want.secure ? current : withoutSecrets(current);
  }

  /** Replaces the definition for the next start. */
  define(xml: string): void {
    this.definition = this.#described(undefined, xml);
    if (this.active) return;
    this.balloonKiB = this.facts.currentKiB;
    this.#resetCounters();
  }

  /** Current polling of an iothread: set in this run, else from its XML, else QEMU's default. */
  polling(ioThread: number): Polling {
    const byDefault = knows(this.release, 'pollWeight') ? WEIGHTED_POLLING : POLLING;
    return { ...byDefault, ...this.facts.polling.get(ioThread), ...this.#polling.get(ioThread) };
  }

  /** Only for this run, for a libvirt that cannot store it in the XML. */
  setPolling(ioThread: number, attribute: PollAttribute, value: number): void {
    this.#polling.set(ioThread, { ...this.#polling.get(ioThread), [attribute]: value });
  }

  /** Starts a new run with the current definition and all counters reset. */
  start(id: number, pages: readonly HeldPages[] = [], paused = false): void {
    this.id = id;
    const changed = this.definition?.isOriginal === false ? this.definition.xml : undefined;
    this.live = this.#described(id, changed && started(changed, { id, nicName: this.nicName }));
    this.state = paused ? DomainState.paused : DomainState.running;
    this.reason = 1;
    this.pages = pages;
    // A guest that has not run yet has no balloon driver that could return memory.
    this.balloonKiB = paused ? this.facts.maximumKiB : this.facts.currentKiB;
    this.#polling.clear();
    this.#resetCounters();
  }

  stop(reason: number): void {
    this.id = -1;
    this.live = undefined;
    this.pages = [];
    this.state = DomainState.shutoff;
    this.reason = reason;
    if (this.definition === undefined) return;
    // libvirt reports the memory it would start with.
    this.balloonKiB = this.facts.currentKiB;
    this.#resetCounters();
  }

  #described(id: number | undefined, xml?: string): Description {
    const { spec, seed } = this;
    const run = id === undefined ? undefined : { id, nicName: this.nicName };
    return new Description(
      {
        xml: () => specXml(this, run),
        facts: () => factsOfSpec(spec, seed, this.release),
        factsOf: (text) => factsOfXml(text, spec),
      },
      xml,
    );
  }

  #resetCounters(): void {
    const { vcpusMaximum, disks, nics } = this.facts;
    this.vcpus = Array.from({ length: vcpusMaximum }, () => ({
      timeNs: 0,
      // Creating a thread makes it wait for a CPU: on a kernel with these counters they are never 0.
      waitNs: FIRST_WAIT_NS,
      delayNs: FIRST_WAIT_NS,
      cpu: 0,
    }));
    this.disks = disks.map(({ measured }) => ({
      readRequests: 0,
      readBytes: 0,
      readNs: 0,
      writeRequests: 0,
      writeBytes: 0,
      writeNs: 0,
      flushRequests: 0,
      flushNs: 0,
      measured: new MeasuredDisk(measured),
    }));
    this.nics = nics.map(() => ({ rxBytes: 0, rxPackets: 0, rxDrops: 0, txBytes: 0, txPackets: 0 }));
    this.cpuUserNs = 0;
    this.cpuSystemNs = 0;
    this.swapInKiB = 0;
    this.swapOutKiB = 0;
    this.majorFaults = 0;
    this.minorFaults = 0;
  }
}

/** State and reason, by libvirt's numbers: booted; shut down; paused by a user. */
const INITIAL = {
  running: [DomainState.running, 1],
  shutoff: [DomainState.shutoff, 1],
  paused: [DomainState.paused, 1],
} as const satisfies Record<VmSpec['state'], readonly [number, number]>;

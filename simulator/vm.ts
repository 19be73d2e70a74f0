import { DomainState } from '../libvirt/constants.ts';
import type { TypedParam } from '../libvirt/typed-params.ts';
import type { Domain } from '../libvirt/wire/types.ts';
import { CpuSet } from '../model/cpu-set.ts';
import { seedOf, uuidFrom } from './random.ts';
import type { VmSpec } from './scenario.ts';

const MIB_KIB = 1_024;

export interface VcpuCounters {
  timeNs: number;
  waitNs: number;
  delayNs: number;
  /** Where it ran last. */
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
}

export interface NicCounters {
  rxBytes: number;
  rxPackets: number;
  txBytes: number;
  txPackets: number;
}

/** Groups of typed parameters that a tuning call sets and its getter gives back. */
export type ParamGroup =
  | 'scheduler'
  | 'memory'
  | 'numa'
  | 'blkio'
  | `iotune ${string}`
  | `bandwidth ${string}`;

/** One simulated domain: what it is, how it is tuned, and what it has done so far. */
export class SimulatedVm {
  readonly spec: VmSpec;
  readonly uuid: string;
  readonly seed: number;
  readonly params = new Map<ParamGroup, Map<string, TypedParam>>();
  readonly vcpuPins = new Map<number, CpuSet>();
  readonly ioThreadPins = new Map<number, CpuSet>();
  readonly ioThreads: Set<number>;
  readonly metadata = new Map<string, string>();
  readonly blockThresholds = new Map<string, number>();
  emulatorPin: CpuSet | undefined;
  id: number;
  state: number;
  reason: number;
  persistent = true;
  vcpuCurrent: number;
  maximumKiB: number;
  balloonKiB: number;
  balloonPeriodSeconds: number;
  lastUpdateSeconds = 0;
  cpuUserNs = 0;
  cpuSystemNs = 0;
  swapInKiB = 0;
  swapOutKiB = 0;
  majorFaults = 0;
  minorFaults = 0;
  vcpus: VcpuCounters[];
  disks: DiskCounters[];
  nics: NicCounters[];

  constructor(spec: VmSpec, hostSeed: number, id: number) {
    this.spec = spec;
    this.seed = (seedOf(spec.name) ^ hostSeed) >>> 0;
    this.uuid = uuidFrom(this.seed);
    this.id = spec.state === 'shutoff' ? -1 : id;
    [this.state, this.reason] = INITIAL[spec.state];
    this.vcpuCurrent = spec.vcpus;
    this.maximumKiB = spec.memoryMiB * MIB_KIB;
    this.balloonKiB = this.maximumKiB;
    this.balloonPeriodSeconds = spec.balloonPeriodSeconds;
    this.ioThreads = new Set(Array.from({ length: spec.ioThreads }, (_, index) => index + 1));
    spec.pins?.forEach((pin, vcpu) => {
      this.vcpuPins.set(vcpu, CpuSet.parse(pin));
    });
    this.vcpus = [];
    this.disks = [];
    this.nics = [];
    this.resetCounters();
  }

  get running(): boolean {
    return this.state === DomainState.running;
  }

  get active(): boolean {
    return this.id !== -1;
  }

  get domain(): Domain {
    return { name: this.spec.name, uuid: this.uuid, id: this.id };
  }

  /** A new run starts every counter again. */
  start(id: number): void {
    this.id = id;
    this.state = DomainState.running;
    this.reason = 1;
    this.resetCounters();
  }

  stop(reason: number): void {
    this.id = -1;
    this.state = DomainState.shutoff;
    this.reason = reason;
  }

  paramsOf(group: ParamGroup): Map<string, TypedParam> {
    let params = this.params.get(group);
    if (params === undefined) {
      params = new Map();
      this.params.set(group, params);
    }
    return params;
  }

  private resetCounters(): void {
    const { vcpus, disks, nics } = this.spec;
    this.vcpus = Array.from({ length: vcpus }, () => ({ timeNs: 0, waitNs: 0, delayNs: 0, cpu: 0 }));
    this.disks = disks.map(() => ({
      readRequests: 0,
      readBytes: 0,
      readNs: 0,
      writeRequests: 0,
      writeBytes: 0,
      writeNs: 0,
      flushRequests: 0,
      flushNs: 0,
    }));
    this.nics = Array.from({ length: nics }, () => ({ rxBytes: 0, rxPackets: 0, txBytes: 0, txPackets: 0 }));
    this.cpuUserNs = 0;
    this.cpuSystemNs = 0;
    this.swapInKiB = 0;
    this.swapOutKiB = 0;
    this.majorFaults = 0;
    this.minorFaults = 0;
  }
}

/** State and reason by libvirt's numbers: booted; by shutdown; by an I/O error. */
const INITIAL = {
  running: [DomainState.running, 1],
  shutoff: [DomainState.shutoff, 1],
  paused: [DomainState.paused, 5],
} as const satisfies Record<VmSpec['state'], readonly [number, number]>;

import { DomainState } from '../../libvirt/constants.ts';
import type { DomainFacts } from '../../model/domain/domain.ts';
import type { DomainRates, Rates } from '../../model/rates.ts';
import type { BlockStats, DomainStats, NetStats } from '../../model/stats/types.ts';
import type { DomainSample } from '../../sampler/host-sample.ts';
import type { Finding } from './finding.ts';
import type { Reason } from './reasons.ts';

export type BlockRates = Rates<BlockStats>;
export type NetRates = Rates<NetStats>;

/** One VM at one moment, as every view sees it. */
export interface Vm {
  /** Of the host and the VM's UUID: the same for as long as the VM exists, whatever it is called. */
  readonly key: string;
  readonly host: string;
  /** As libvirt says it: hostile text. */
  readonly name: string;
  readonly sample: DomainSample;
  readonly facts: DomainFacts | undefined;
  readonly stats: DomainStats | undefined;
  readonly rates: DomainRates | undefined;
  /** CPU seconds a second; known even of a VM whose QEMU hangs. */
  readonly cpuUsage: number | undefined;
  /** Over all its disks; a figure is absent where no disk has it. */
  readonly disk: BlockRates;
  readonly net: NetRates;
  /** Why groups of figures are not there. */
  readonly reasons: ReadonlyMap<string, Reason>;
  /** Whether the sample before had figures of that group, so that there can be rates. */
  readonly hadBefore: (group: string) => boolean;
  /** NUMA cell of each CPU of its host. */
  readonly cellOf: ReadonlyMap<number, number>;
  /** Computed on first use. */
  readonly findings: readonly Finding[];
}

export type StateName =
  | 'running'
  | 'blocked'
  | 'paused'
  | 'shutting down'
  | 'off'
  | 'crashed'
  | 'suspended'
  | 'stuck'
  | 'unknown';

const STATES: Readonly<Record<number, StateName>> = {
  [DomainState.running]: 'running',
  [DomainState.blocked]: 'blocked',
  [DomainState.paused]: 'paused',
  [DomainState.shutdown]: 'shutting down',
  [DomainState.shutoff]: 'off',
  [DomainState.crashed]: 'crashed',
  [DomainState.pmSuspended]: 'suspended',
};

/** What libvirt says, but for a VM that does not answer: that says more. */
export function stateOf({ sample }: Vm): StateName {
  if (sample.outcome.kind === 'unresponsive') return 'stuck';
  return STATES[sample.summary.state ?? -1] ?? 'unknown';
}

export function isRunning(vm: Vm): boolean {
  return vm.sample.domain.id !== -1;
}

/** Sums figures of several devices; absent where none of them has it. */
export function summed<T extends object>(devices: Iterable<T>): T {
  const sum: Record<string, number> = {};
  for (const device of devices) {
    for (const name in device) {
      const value = device[name];
      if (typeof value === 'number') sum[name] = (sum[name] ?? 0) + value;
    }
  }
  return sum as T;
}

/**
 * CPU steal: delay / wall time, mean over the VM's vCPUs. 0.1 is a tenth of the time ready but without a CPU, as
 * the guest's own steal and VMware's ready. Undefined when no vCPU has a delay (needs two samples).
 */
export function stealShare({ rates }: Vm): number | undefined {
  let delayNs = 0;
  let vcpus = 0;
  for (const vcpu of rates?.vcpus.values() ?? []) {
    if (vcpu.delayNs === undefined) continue;
    delayNs += vcpu.delayNs;
    vcpus++;
  }
  return vcpus === 0 ? undefined : delayNs / vcpus / 1e9;
}

/** Mean request latency, ms; undefined while there are no requests. */
export function latencyMs(ns: number | undefined, requests: number | undefined): number | undefined {
  return ns === undefined || requests === undefined || requests <= 0 ? undefined : ns / requests / 1e6;
}

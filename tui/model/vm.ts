import { DomainState } from '../../libvirt/constants.ts';
import type { DomainFacts } from '../../model/domain/domain.ts';
import type { DomainRates, Rates } from '../../model/rates.ts';
import type { BlockStats, DomainStats, NetStats } from '../../model/stats/types.ts';
import type { VmRates } from '../../model/vm-rates.ts';
import type { DomainSample } from '../../sampler/host-sample.ts';
import type { Finding } from './finding.ts';
import type { Reason } from './reasons.ts';

export type BlockRates = Rates<BlockStats>;
export type NetRates = Rates<NetStats>;

/** One VM at one moment: the input of every view. */
export interface Vm {
  /** Host and UUID of the VM: stable over renames. */
  readonly key: string;
  readonly host: string;
  /** As libvirt reports it: untrusted text. */
  readonly name: string;
  readonly sample: DomainSample;
  readonly facts: DomainFacts | undefined;
  readonly stats: DomainStats | undefined;
  readonly rates: DomainRates | undefined;
  /** Of the VM as a whole; values are absent before its second sample. */
  readonly total: VmRates;
  /** Why groups have no figures. */
  readonly reasons: ReadonlyMap<string, Reason>;
  /** Whether the previous sample had figures of that group, so that rates are possible. */
  readonly hadBefore: (group: string) => boolean;
  /** NUMA cell of each CPU of its host. */
  readonly cellOf: ReadonlyMap<number, number>;
  /** Computed on first use. */
  readonly findings: readonly Finding[];
  /** Whether there are enough samples to rule out findings. */
  readonly areFindingsComplete: boolean;
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

/** The state that libvirt reports, unless the VM does not answer, which matters more. */
export function stateOf({ sample }: Vm): StateName {
  if (sample.outcome.kind === 'unresponsive') return 'stuck';
  return STATES[sample.summary.state ?? -1] ?? 'unknown';
}

export function isRunning(vm: Vm): boolean {
  return vm.sample.domain.id !== -1;
}

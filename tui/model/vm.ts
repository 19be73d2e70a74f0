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
  /** Of the VM as a whole: figures are absent before its second sample. */
  readonly total: VmRates;
  /** Why groups of figures are not there. */
  readonly reasons: ReadonlyMap<string, Reason>;
  /** Whether the sample before had figures of that group, so that there can be rates. */
  readonly hadBefore: (group: string) => boolean;
  /** NUMA cell of each CPU of its host. */
  readonly cellOf: ReadonlyMap<number, number>;
  /** Computed on first use. */
  readonly findings: readonly Finding[];
  /** Whether there are enough samples to say that it has no finding. */
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

/** What libvirt says, but for a VM that does not answer: that says more. */
export function stateOf({ sample }: Vm): StateName {
  if (sample.outcome.kind === 'unresponsive') return 'stuck';
  return STATES[sample.summary.state ?? -1] ?? 'unknown';
}

export function isRunning(vm: Vm): boolean {
  return vm.sample.domain.id !== -1;
}

import type { CpuSet } from '../../model/cpu-set.ts';
import type { DomainState, HostFacts } from '../facts/facts.ts';
import type { Profile } from '../profile/profile.ts';
import type { ReservedPages } from '../profile/reservations.ts';
import type { Probes } from './preconditions.ts';

/** A domain, and the profile that it is to get. */
export interface Pick {
  readonly state: DomainState;
  readonly profile: Profile;
}

/** What a plan is made from. */
export interface PlanInput {
  readonly host: HostFacts;
  /** All of the host's, picked or not: the others' pins and pages are respected. */
  readonly domains: readonly DomainState[];
  readonly picks: readonly Pick[];
  /** Those that others were tuned by; undefined for a name that is not known (any more). */
  readonly profileOf: (name: string) => Profile | undefined;
  /** CPUs that no VM gets; absent: the placement's own choice. */
  readonly hostCpus?: CpuSet | undefined;
  /** False: what profiles want of the host itself is left alone, its pools of pages too. */
  readonly withHost?: boolean | undefined;
  /** Hugepages that no VM gets. */
  readonly reservedPages?: readonly ReservedPages[] | undefined;
  /** Where VMs are now counts for nothing. */
  readonly rebalance?: boolean | undefined;
  /** The host's governor, idle states and swappiness are set too (`--host`). */
  readonly setsKernel?: boolean | undefined;
  /** vCPUs for each shared CPU up to which VMs may be squeezed; absent: `REFUSE_RATIO`. */
  readonly allowedRatio?: number | undefined;
  /** Names of domains that were left out, because nobody named them and their pins are not virtune's. */
  readonly leftAlone?: readonly string[] | undefined;
  /** Restart the domains to apply boot-time settings. */
  readonly restart?: boolean | undefined;
  /** Settings whose change in the guest the operator accepts. */
  readonly accepted?: ReadonlySet<string> | undefined;
  /** Looks at the host where a wish depends on it; absent where virtune does not run there. */
  readonly probes?: Probes | undefined;
  /** Of the transaction that it becomes when it is applied. */
  readonly id: string;
  /** ISO 8601. */
  readonly at: string;
}

import type { CpuSet } from '../../model/cpu-set.ts';
import type { DomainState, HostFacts } from '../facts/facts.ts';
import type { Profile } from '../profile/profile.ts';
import type { ReservedPages } from '../profile/reservations.ts';
import type { Probes } from './preconditions.ts';

/** A domain and the profile to apply to it. */
export interface Pick {
  readonly state: DomainState;
  readonly profile: Profile;
}

export interface PlanInput {
  readonly host: HostFacts;
  /** All domains of the host, picked or not: pins and pages of the others are respected. */
  readonly domains: readonly DomainState[];
  readonly picks: readonly Pick[];
  /** Profiles that other domains were tuned with; undefined for an unknown name. */
  readonly profileOf: (name: string) => Profile | undefined;
  /** CPUs reserved for the host; absent: the placement's own choice. */
  readonly hostCpus?: CpuSet | undefined;
  /** False: leaves the host itself, including its page pools, unchanged whatever profiles want. */
  readonly withHost?: boolean | undefined;
  /** Hugepages reserved for the host. */
  readonly reservedPages?: readonly ReservedPages[] | undefined;
  /** Ignores where VMs are now. */
  readonly rebalance?: boolean | undefined;
  /** Also sets the host's governor, idle states and swappiness (`--host`). */
  readonly setsKernel?: boolean | undefined;
  /** Allowed vCPUs per shared CPU; absent: `REFUSE_RATIO`. */
  readonly allowedRatio?: number | undefined;
  /** Domains left out because the user did not name them and their pins are not virtune's. */
  readonly leftAlone?: readonly string[] | undefined;
  /** Restart the domains to apply boot-time settings. */
  readonly restart?: boolean | undefined;
  /** Settings whose guest-visible change the operator accepts. */
  readonly accepted?: ReadonlySet<string> | undefined;
  /** Checks on the host that some wishes depend on; absent if virtune does not run there. */
  readonly probes?: Probes | undefined;
  /** Id of the transaction that applies the plan. */
  readonly id: string;
  /** ISO 8601. */
  readonly at: string;
}

import type { ManagedState } from '../libvirt/client/managed.ts';
import type { Domain } from '../libvirt/wire/types.ts';
import type { DomainFacts } from '../model/domain/domain.ts';
import type { DriftFigures } from '../model/drift-record.ts';
import type { DomainExtras } from '../model/extras.ts';
import type { GuestSample } from '../model/guest.ts';
import type { HostFigures } from '../model/host.ts';
import type { LimitUse } from '../model/limit-use.ts';
import type { LocalFigures } from '../model/local.ts';
import type { Contention, DomainFit, Overcommit } from '../model/overcommit.ts';
import type { DomainStats } from '../model/stats/types.ts';
import type { DomainSummary } from '../model/summary.ts';

/** How asking one domain ended. */
export type Outcome =
  /** `atMs`: wall clock just before the call went out. */
  | { readonly kind: 'fresh'; readonly stats: DomainStats; readonly atMs: number }
  /** A call is past its deadline; the domain is not asked again until that call returns. */
  | { readonly kind: 'unresponsive'; readonly sinceMs: number }
  /** The tick's own deadline came before its turn. */
  | { readonly kind: 'late' }
  | { readonly kind: 'error'; readonly error: Error };

export interface DomainSample {
  readonly domain: Domain;
  /** Present even if the domain itself does not answer, with what is known without it. */
  readonly summary: DomainSummary;
  /** Absent until its XML was read, or if that cannot be parsed. */
  readonly facts: DomainFacts | undefined;
  readonly outcome: Outcome;
  /** When the newest figures were taken, wall clock; absent before the first. */
  readonly lastFreshAtMs: number | undefined;
  /** When its QEMU process started, wall clock; absent where virtune does not read the host's /proc. */
  readonly startedAtMs?: number | undefined;
  readonly extras?: DomainExtras | undefined;
  /** Absent if no group needs it, or the domain is not running. */
  readonly local?: LocalFigures | undefined;
  /** Absent where the tuner's checks are not read. */
  readonly drift?: DriftFigures | undefined;
  /** Absent where guest agents are not asked. */
  readonly guest?: GuestSample | undefined;
  /** By disk, of those that have limits; absent in the first sample. */
  readonly limitUses?: ReadonlyMap<string, LimitUse> | undefined;
  /** Absent where overcommit is not computed. */
  readonly fit?: DomainFit | undefined;
}

/** All that one host reported in one tick. */
export interface HostSample {
  /** Wall clock, ms since 1970. */
  readonly startedAtMs: number;
  /**
   * How far the wall-clock times of this sample are ahead of a monotonic clock. Without it, differences between two
   * samples are only right if the clock was not set in between. Absent in recordings of earlier versions.
   */
  readonly aheadMs?: number | undefined;
  readonly durationMs: number;
  readonly domains: readonly DomainSample[];
  readonly versions: HostVersions | undefined;
  readonly identity?: HostIdentity | undefined;
  /** Absent where no group asks for it. */
  readonly host?: HostFigures | undefined;
  readonly overcommit?: Overcommit | undefined;
  /** Since the previous sample; absent in the first. */
  readonly contention?: Contention | undefined;
  /** VMs that crashed and have not run since, also those that libvirt no longer lists. */
  readonly crashes?: readonly Crash[] | undefined;
}

/** A wall-clock time of a sample on the monotonic clock, for differences between samples. */
export function steadyMs({ aheadMs = 0 }: Pick<HostSample, 'aheadMs'>, atMs: number): number {
  return atMs - aheadMs;
}

/** When a sample began, on the monotonic clock. */
export function steadyStartMs(sample: HostSample): number {
  return steadyMs(sample, sample.startedAtMs);
}

export interface Crash {
  readonly uuid: string;
  readonly name: string;
  /** When it happened, or when virtune first saw it crashed; wall clock, ms since 1970. */
  readonly atMs: number;
}

/** Which host it is; each part is absent if libvirt does not report it. */
export interface HostIdentity {
  readonly hostname: string | undefined;
  /** UUID of the machine as libvirt reports it: by default the firmware's. */
  readonly uuid: string | undefined;
}

/** As libvirt counts: major * 1,000,000 + minor * 1,000 + micro. */
export interface HostVersions {
  readonly hypervisor: number | undefined;
  readonly libvirt: number | undefined;
}

/** What the sampler knows even when the host cannot be asked. */
export interface SamplerHealth {
  readonly control: ManagedState;
  readonly lastError: Error | undefined;
  readonly connections: number;
  readonly reconnects: number;
  /** Calls past their deadline that libvirt still works on. */
  readonly stuckCalls: number;
  /** Statistics that libvirt reported and this version does not know, by distinct name. */
  readonly unknownStatistics: number;
}

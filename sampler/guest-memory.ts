import type { Domain } from '../libvirt/wire/types.ts';
import type { DomainFacts } from '../model/domain/domain.ts';
import { GUEST_MEMORY_FIELDS } from '../model/missing.ts';
import type { BalloonStats, DomainStats } from '../model/stats/types.ts';

/** A report may come late by as much as it takes the guest to answer, so one missed period is let pass. */
const PERIODS_MAX = 2;
/** libvirt and QEMU give the time of a report in whole seconds. */
const ROUNDING_MS = 1_000;

interface Report {
  readonly runId: number;
  /** As QEMU gives it, seconds since 1970 by the host's clock. */
  readonly lastUpdateSeconds: number;
  /** When virtune first saw this report, by a clock that is never set. */
  readonly seenAtMs: number;
  /** It was too old when it was first seen, so it is not a report that has only just come. */
  readonly oldWhenSeen: boolean;
}

/**
 * Takes a guest's memory figures out of a sample when they are older than the guest's stats period allows: QEMU keeps the
 * last report for ever, of a guest whose driver has stopped or whose period was set back to 0. Age counts from when the
 * report was first seen, because a remote host's clock may differ from virtune's; only the first sample has to compare
 * the two clocks.
 */
export class GuestMemory {
  readonly #nowMs: () => number;
  readonly #steadyMs: () => number;
  readonly #reports = new Map<string, Report>();

  /**
   * @param nowMs wall clock, ms since 1970
   * @param steadyMs a clock that is never set; default: the same
   */
  constructor(nowMs: () => number, steadyMs = nowMs) {
    this.#nowMs = nowMs;
    this.#steadyMs = steadyMs;
  }

  /** Forgets domains that do not exist any more. */
  keepOnly(uuids: ReadonlySet<string>): void {
    for (const uuid of this.#reports.keys()) if (!uuids.has(uuid)) this.#reports.delete(uuid);
  }

  /** The same figures, without the guest's own where these are too old or belong to no stats period. */
  onlyFresh(domain: Domain, stats: DomainStats, facts: DomainFacts | undefined): DomainStats {
    const { lastUpdateSeconds } = stats.balloon;
    const periodMs = (facts?.memory.balloonPeriodSeconds ?? 0) * 1_000;
    if (!lastUpdateSeconds || periodMs === 0) return withoutGuestMemory(stats);
    const report = this.#seen(domain, lastUpdateSeconds, PERIODS_MAX * periodMs);
    const ageMs = this.#steadyMs() - report.seenAtMs;
    return report.oldWhenSeen || ageMs > PERIODS_MAX * periodMs ? withoutGuestMemory(stats) : stats;
  }

  #seen({ uuid, id }: Domain, lastUpdateSeconds: number, maxAgeMs: number): Report {
    const known = this.#reports.get(uuid);
    if (known?.runId === id && known.lastUpdateSeconds === lastUpdateSeconds) return known;
    const report = {
      runId: id,
      lastUpdateSeconds,
      seenAtMs: this.#steadyMs(),
      oldWhenSeen: known === undefined && this.#nowMs() - lastUpdateSeconds * 1_000 > maxAgeMs + ROUNDING_MS,
    };
    this.#reports.set(uuid, report);
    return report;
  }
}

const GUEST: ReadonlySet<string> = new Set(GUEST_MEMORY_FIELDS);

function withoutGuestMemory(stats: DomainStats): DomainStats {
  if (!GUEST_MEMORY_FIELDS.some((field) => stats.balloon[field] !== undefined)) return stats;
  const balloon = Object.fromEntries(Object.entries(stats.balloon).filter(([field]) => !GUEST.has(field)));
  return { ...stats, balloon: balloon as BalloonStats };
}

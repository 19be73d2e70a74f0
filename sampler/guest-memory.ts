import type { Domain } from '../libvirt/wire/types.ts';
import type { DomainFacts } from '../model/domain/domain.ts';
import { GUEST_MEMORY_FIELDS } from '../model/missing.ts';
import type { BalloonStats, DomainStats } from '../model/stats/types.ts';

/** A report may be late by the guest's response time, so one missed period is tolerated. */
const PERIODS_MAX = 2;
/** libvirt and QEMU report the time in whole seconds. */
const ROUNDING_MS = 1_000;

interface Report {
  readonly runId: number;
  /** As reported by QEMU, seconds since 1970 by the host's clock. */
  readonly lastUpdateSeconds: number;
  /** When virtune first saw this report, on the monotonic clock. */
  readonly seenAtMs: number;
  /** It was already too old when first seen, so it is not a new report. */
  readonly oldWhenSeen: boolean;
}

/**
 * Drops a guest's memory figures that are older than its stats period allows: QEMU keeps the last report indefinitely,
 * even if the guest's driver has stopped or the period was set back to 0. Age counts from when the report was first
 * seen, because a remote host's clock may differ from virtune's; only the first sample has to compare the two clocks.
 */
export class GuestMemory {
  readonly #nowMs: () => number;
  readonly #steadyMs: () => number;
  readonly #reports = new Map<string, Report>();

  /**
   * @param nowMs wall clock, ms since 1970
   * @param steadyMs monotonic clock, ms; default: `nowMs`
   */
  constructor(nowMs: () => number, steadyMs = nowMs) {
    this.#nowMs = nowMs;
    this.#steadyMs = steadyMs;
  }

  /** Forgets domains that no longer exist. */
  keepOnly(uuids: ReadonlySet<string>): void {
    for (const uuid of this.#reports.keys()) if (!uuids.has(uuid)) this.#reports.delete(uuid);
  }

  /** The figures, without those from the guest if they are stale or no stats period is set. */
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

import type { Disk } from '../model/domain/disks.ts';
import { isLimited, type LimitUse, limitUse } from '../model/limit-use.ts';
import type { BlockStats } from '../model/stats/types.ts';
import type { DomainSample } from './host-sample.ts';

/** Scrapers that ask one right after the other get the same share: of a moment it would say little. */
const INTERVAL_MIN_MS = 5_000;

/** Of disks that share their limits, mostly one. */
interface Known {
  /** By disk. */
  readonly before: ReadonlyMap<string, BlockStats>;
  /** By a clock that is never set. */
  readonly atMs: number;
  readonly use: LimitUse | undefined;
}

/** Keeps the counters of disks that have limits, to compute how much of these was used. */
export class LimitUses {
  #known = new Map<string, Known>();

  /**
   * By disk; undefined for a domain that has no limits, or was not there before.
   * @param aheadMs of these samples' times before a clock that is never set
   */
  complete(samples: readonly DomainSample[], aheadMs = 0): DomainSample[] {
    const now = new Map<string, Known>();
    const completed = this.#completed(samples, aheadMs, now);
    this.#known = now;
    return completed;
  }

  /** The same of a sample that the next one is not compared with. */
  preview(samples: readonly DomainSample[], aheadMs = 0): DomainSample[] {
    return this.#completed(samples, aheadMs, new Map());
  }

  /** Adds to `now` what the next sample is compared with. */
  #completed(samples: readonly DomainSample[], aheadMs: number, now: Map<string, Known>): DomainSample[] {
    return samples.map((sample) => {
      const uses = new Map<string, LimitUse>();
      for (const [limits, disks] of byLimits(sample.facts?.disks ?? [])) {
        // A restart of the VM resets its counters.
        const key = `${sample.domain.uuid} ${sample.domain.id} ${limits}`;
        const known = next(this.#known.get(key), disks, sample, aheadMs);
        if (known === undefined) continue;
        now.set(key, known);
        if (known.use === undefined || known.use.size === 0) continue;
        for (const { target } of disks) uses.set(target, known.use);
      }
      return uses.size === 0 ? sample : { ...sample, limitUses: uses };
    });
  }
}

/** Disks of one domain that have limits; those of a group are held by them together (QEMU, block/throttle-groups.c). */
function byLimits(disks: readonly Disk[]): Map<string, Disk[]> {
  return Map.groupBy(
    disks.filter(({ limits }) => isLimited(limits)),
    ({ target, limitGroup }) => (limitGroup === undefined ? `disk ${target}` : `group ${limitGroup}`),
  );
}

function next(
  known: Known | undefined,
  disks: readonly Disk[],
  { outcome }: DomainSample,
  aheadMs: number,
): Known | undefined {
  // It may answer again: the share is then over the time in between.
  if (outcome.kind !== 'fresh') return known && { ...known, use: undefined };
  const blocks = [...outcome.stats.blocks.values()];
  const now = new Map<string, BlockStats>();
  for (const { target } of disks) {
    const block = blocks.find(({ name }) => name === target);
    // What the others of its group use is not all that is used.
    if (block === undefined) return undefined;
    now.set(target, block);
  }
  const atMs = outcome.atMs - aheadMs;
  const readings = [...now].flatMap(([target, block]) => {
    const before = known?.before.get(target);
    return before === undefined ? [] : [{ before, now: block }];
  });
  // A disk that has joined the group, or left it, did what is not known.
  if (known === undefined || readings.length < now.size || known.before.size > now.size)
    return { before: now, atMs, use: undefined };
  const elapsedMs = atMs - known.atMs;
  if (elapsedMs < INTERVAL_MIN_MS) return known;
  // libvirt gives all disks of a group the same limits.
  const use = limitUse(disks[0]?.limits ?? new Map(), readings, elapsedMs);
  return { before: now, atMs, use };
}

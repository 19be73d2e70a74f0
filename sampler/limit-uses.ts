import { type LimitSet, limitSets } from '../model/domain/disk-limits.ts';
import type { Disk } from '../model/domain/disks.ts';
import { isLimited, type LimitUse, limitUse } from '../model/limit-use.ts';
import type { BlockStats } from '../model/stats/types.ts';
import type { DomainSample } from './host-sample.ts';

/** Scrapes in quick succession get the same share: over a moment it would mean little. */
const INTERVAL_MIN_MS = 5_000;

/** State of one set of limits, and of the disks that share it, usually one. */
interface Known {
  /** By disk. */
  readonly before: ReadonlyMap<string, BlockStats>;
  /** Monotonic clock, ms. */
  readonly atMs: number;
  readonly use: LimitUse | undefined;
}

/** Keeps the counters of disks with limits, to compute how much of these was used. */
export class LimitUses {
  #known = new Map<string, Known>();

  /**
   * By disk; undefined for a domain without limits or without an earlier sample.
   * @param aheadMs how far these samples' times are ahead of a monotonic clock
   */
  complete(samples: readonly DomainSample[], aheadMs = 0): DomainSample[] {
    const now = new Map<string, Known>();
    const completed = this.#completed(samples, aheadMs, now);
    this.#known = now;
    return completed;
  }

  /** Like complete(), but the next sample is not compared with this one. */
  preview(samples: readonly DomainSample[], aheadMs = 0): DomainSample[] {
    return this.#completed(samples, aheadMs, new Map());
  }

  /** Stores in `now` what the next sample is compared with. */
  #completed(samples: readonly DomainSample[], aheadMs: number, now: Map<string, Known>): DomainSample[] {
    return samples.map((sample) => {
      const disks = sample.facts?.disks.filter(({ limits }) => isLimited(limits)) ?? [];
      const ofSets = new Map<string, LimitUse>();
      for (const limited of limitedTogether(disks)) {
        // A restart of the VM resets its counters.
        const key = `${sample.domain.uuid} ${sample.domain.id} ${limited.name}`;
        const known = next(this.#known.get(key), limited, sample, aheadMs);
        if (known === undefined) continue;
        now.set(key, known);
        if (known.use !== undefined) ofSets.set(limited.name, known.use);
      }
      const uses = new Map<string, LimitUse>();
      for (const disk of disks) {
        const use = useOf(disk, ofSets);
        if (use !== undefined && use.size > 0) uses.set(disk.target, use);
      }
      return uses.size === 0 ? sample : { ...sample, limitUses: uses };
    });
  }
}

/** A set of limits, and the disks of one domain that share it (QEMU, block/throttle-groups.c). */
interface Limited extends LimitSet {
  readonly targets: readonly string[];
}

function limitedTogether(disks: readonly Disk[]): Limited[] {
  const limited = disks.flatMap((disk) =>
    limitSets(disk)
      .filter(({ limits }) => isLimited(limits))
      .map((set) => ({ set, target: disk.target })),
  );
  return [...Map.groupBy(limited, ({ set }) => set.name)].flatMap(([name, [first, ...others]]) =>
    // libvirt gives all disks of a group the same limits.
    first === undefined
      ? []
      : [{ name, limits: first.set.limits, targets: [first, ...others].map(({ target }) => target) }],
  );
}

/** The largest share of each limit among the disk's sets; undefined while that of one is unknown. */
function useOf(disk: Disk, ofSets: ReadonlyMap<string, LimitUse>): LimitUse | undefined {
  const largest = new Map<string, number>();
  for (const { name, limits } of limitSets(disk)) {
    if (!isLimited(limits)) continue;
    const use = ofSets.get(name);
    if (use === undefined) return undefined;
    for (const [limit, share] of use) largest.set(limit, Math.max(share, largest.get(limit) ?? 0));
  }
  return largest;
}

function next(
  known: Known | undefined,
  { limits, targets }: Limited,
  { outcome }: DomainSample,
  aheadMs: number,
): Known | undefined {
  // Kept for when it answers again: the share then covers the time in between.
  if (outcome.kind !== 'fresh') return known && { ...known, use: undefined };
  const blocks = [...outcome.stats.blocks.values()];
  const now = new Map<string, BlockStats>();
  for (const target of targets) {
    const block = blocks.find(({ name }) => name === target);
    // Without this disk, the use of its group would be incomplete.
    if (block === undefined) return undefined;
    now.set(target, block);
  }
  const atMs = outcome.atMs - aheadMs;
  const readings = [...now].flatMap(([target, block]) => {
    const before = known?.before.get(target);
    return before === undefined ? [] : [{ before, now: block }];
  });
  // What a disk did that has joined or left the group is unknown.
  if (known === undefined || readings.length < now.size || known.before.size > now.size)
    return { before: now, atMs, use: undefined };
  const elapsedMs = atMs - known.atMs;
  if (elapsedMs < INTERVAL_MIN_MS) return known;
  return { before: now, atMs, use: limitUse(limits, readings, elapsedMs) };
}

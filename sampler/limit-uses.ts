import { type LimitSet, limitSets } from '../model/domain/disk-limits.ts';
import type { Disk } from '../model/domain/disks.ts';
import { isLimited, type LimitUse, limitUse } from '../model/limit-use.ts';
import type { BlockStats } from '../model/stats/types.ts';
import type { DomainSample } from './host-sample.ts';

/** Scrapers that ask one right after the other get the same share: of a moment it would say little. */
const INTERVAL_MIN_MS = 5_000;

/** Of one set of limits, and the disks that share it, mostly one. */
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

/** Limits, and the disks of one domain that they hold together (QEMU, block/throttle-groups.c). */
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

/** Of each limit the largest share that one of its sets has; undefined while that of one is not known. */
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
  // It may answer again: the share is then over the time in between.
  if (outcome.kind !== 'fresh') return known && { ...known, use: undefined };
  const blocks = [...outcome.stats.blocks.values()];
  const now = new Map<string, BlockStats>();
  for (const target of targets) {
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
  return { before: now, atMs, use: limitUse(limits, readings, elapsedMs) };
}

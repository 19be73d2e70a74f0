import { isLimited, type LimitUse, limitUse } from '../model/limit-use.ts';
import type { BlockStats } from '../model/stats/types.ts';
import type { DomainSample } from './host-sample.ts';

/** Scrapers that ask one right after the other get the same share: of a moment it would say little. */
const INTERVAL_MIN_MS = 5_000;

interface Known {
  readonly before: BlockStats;
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
      for (const [disk, known] of this.#read(sample, aheadMs)) {
        // A restart of the VM resets its counters.
        now.set(`${sample.domain.uuid} ${sample.domain.id} ${disk}`, known);
        if (known.use !== undefined && known.use.size > 0) uses.set(disk, known.use);
      }
      return uses.size === 0 ? sample : { ...sample, limitUses: uses };
    });
  }

  *#read(
    { domain, facts, outcome }: DomainSample,
    aheadMs: number,
  ): Generator<readonly [disk: string, known: Known]> {
    for (const { target, limits } of facts?.disks ?? []) {
      if (!isLimited(limits)) continue;
      const known = this.#known.get(`${domain.uuid} ${domain.id} ${target}`);
      if (outcome.kind !== 'fresh') {
        // It may answer again: the share is then over the time in between.
        if (known !== undefined) yield [target, { ...known, use: undefined }];
        continue;
      }
      const stats = [...outcome.stats.blocks.values()].find(({ name }) => name === target);
      if (stats === undefined) continue;
      const atMs = outcome.atMs - aheadMs;
      if (known === undefined) yield [target, { before: stats, atMs, use: undefined }];
      else if (atMs - known.atMs < INTERVAL_MIN_MS) yield [target, known];
      else {
        const use = limitUse(limits, known.before, stats, atMs - known.atMs);
        yield [target, { before: stats, atMs, use }];
      }
    }
  }
}

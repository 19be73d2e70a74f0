import { isLimited, type LimitUse, limitUse } from '../model/limit-use.ts';
import type { BlockStats } from '../model/stats/types.ts';
import type { DomainSample } from './host-sample.ts';

/** Scrapers that ask one right after the other get the same share: of a moment it would say little. */
const INTERVAL_MIN_MS = 5_000;

interface Known {
  readonly before: BlockStats;
  readonly atMs: number;
  readonly use: LimitUse | undefined;
}

/** Keeps the counters of disks that have limits, to compute how much of these was used. */
export class LimitUses {
  #known = new Map<string, Known>();

  /** By disk; undefined for a domain that has no limits, or was not there before. */
  complete(samples: readonly DomainSample[]): DomainSample[] {
    const now = new Map<string, Known>();
    const completed = this.#completed(samples, now);
    this.#known = now;
    return completed;
  }

  /** The same of a sample that the next one is not compared with. */
  preview(samples: readonly DomainSample[]): DomainSample[] {
    return this.#completed(samples, new Map());
  }

  /** Adds to `now` what the next sample is compared with. */
  #completed(samples: readonly DomainSample[], now: Map<string, Known>): DomainSample[] {
    return samples.map((sample) => {
      const uses = new Map<string, LimitUse>();
      for (const [disk, known] of this.#read(sample)) {
        // A restart of the VM resets its counters.
        now.set(`${sample.domain.uuid} ${sample.domain.id} ${disk}`, known);
        if (known.use !== undefined && known.use.size > 0) uses.set(disk, known.use);
      }
      return uses.size === 0 ? sample : { ...sample, limitUses: uses };
    });
  }

  *#read({ domain, facts, outcome }: DomainSample): Generator<readonly [disk: string, known: Known]> {
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
      if (known === undefined) yield [target, { before: stats, atMs: outcome.atMs, use: undefined }];
      else if (outcome.atMs - known.atMs < INTERVAL_MIN_MS) yield [target, known];
      else {
        const use = limitUse(limits, known.before, stats, outcome.atMs - known.atMs);
        yield [target, { before: stats, atMs: outcome.atMs, use }];
      }
    }
  }
}

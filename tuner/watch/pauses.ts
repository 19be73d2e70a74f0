import type { DomainPlan } from '../plan/plan.ts';
import { stepsToRestore } from './steps-to-restore.ts';

export interface PausesOptions {
  /** The pause after the first try; doubled after each further one. */
  readonly firstMs: number;
  readonly mostMs: number;
  /** Monotonic clock. */
  readonly nowMs: () => number;
}

interface Tries {
  /** The run of the domain, and what it has lost. */
  readonly what: string;
  readonly count: number;
  readonly lastMs: number;
}

/** After this many of the longest pauses without a try, a domain starts from the beginning. */
const FORGET_AFTER = 4;

/**
 * Backs off restores of a domain: the first is due at once; while the same run lacks the same settings, still or again,
 * each further one after a doubled pause. Events do not shorten it: the calls of a restore and its undo cause some too.
 */
export class Pauses {
  readonly #options: PausesOptions;
  readonly #tries = new Map<string, Tries>();

  constructor(options: PausesOptions) {
    this.#options = options;
  }

  /** Domains whose pause is over; those with the fewest tries first, since a bad one may hold up the others. */
  due(lost: readonly DomainPlan[]): DomainPlan[] {
    const count = (domain: DomainPlan): number => this.#of(domain)?.count ?? 0;
    return lost.filter((domain) => this.#waitMs(domain) <= 0).sort((a, b) => count(a) - count(b));
  }

  /** Called when a restore has ended, successful or not. */
  tried(domain: DomainPlan): void {
    const nowMs = this.#options.nowMs();
    const count = (this.#of(domain)?.count ?? 0) + 1;
    for (const [uuid, { lastMs }] of this.#tries) if (this.#isOver(lastMs)) this.#tries.delete(uuid);
    this.#tries.set(domain.state.domain.uuid, { what: whatOf(domain), count, lastMs: nowMs });
  }

  /** How long until the first of these may be restored; undefined if there are none. */
  nextMs(lost: readonly DomainPlan[]): number | undefined {
    if (lost.length === 0) return undefined;
    return Math.max(0, Math.min(...lost.map((domain) => this.#waitMs(domain))));
  }

  #waitMs(domain: DomainPlan): number {
    const tries = this.#of(domain);
    if (tries === undefined) return 0;
    const { firstMs, mostMs, nowMs } = this.#options;
    return tries.lastMs + Math.min(firstMs * 2 ** (tries.count - 1), mostMs) - nowMs();
  }

  #of(domain: DomainPlan): Tries | undefined {
    const found = this.#tries.get(domain.state.domain.uuid);
    return found?.what === whatOf(domain) && !this.#isOver(found.lastMs) ? found : undefined;
  }

  #isOver(lastMs: number): boolean {
    const { mostMs, nowMs } = this.#options;
    return nowMs() - lastMs > FORGET_AFTER * mostMs;
  }
}

const whatOf = (domain: DomainPlan): string =>
  JSON.stringify([domain.state.domain.id, stepsToRestore(domain)]);

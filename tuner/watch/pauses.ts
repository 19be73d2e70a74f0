import type { DomainPlan } from '../plan/plan.ts';
import { forgotten } from './forgotten.ts';

export interface PausesOptions {
  /** After the first try; doubled with each further one. */
  readonly firstMs: number;
  readonly mostMs: number;
  /** A clock that nobody sets. */
  readonly nowMs: () => number;
}

interface Tries {
  /** The run, and what it has lost. */
  readonly what: string;
  readonly count: number;
  readonly lastMs: number;
}

/** Without a try for so many of the longest pauses, a domain starts from the beginning. */
const FORGET_AFTER = 4;

/**
 * When a domain may be restored. At once; but when the same run still lacks the same settings, or lacks them again, only after a
 * pause that doubles each time, whatever events come: the calls of a restore and of its undo send some too.
 */
export class Pauses {
  readonly #options: PausesOptions;
  readonly #tries = new Map<string, Tries>();

  constructor(options: PausesOptions) {
    this.#options = options;
  }

  /** Those whose pause is over; the ones with the fewest tries first, since a bad one may hold up the others. */
  due(lost: readonly DomainPlan[]): DomainPlan[] {
    const count = (domain: DomainPlan): number => this.#of(domain)?.count ?? 0;
    return lost.filter((domain) => this.#waitMs(domain) <= 0).sort((a, b) => count(a) - count(b));
  }

  /** Called when a restore has ended, however it ended. */
  tried(domain: DomainPlan): void {
    const nowMs = this.#options.nowMs();
    const count = (this.#of(domain)?.count ?? 0) + 1;
    for (const [uuid, { lastMs }] of this.#tries) if (this.#isOver(lastMs)) this.#tries.delete(uuid);
    this.#tries.set(domain.state.domain.uuid, { what: whatOf(domain), count, lastMs: nowMs });
  }

  /** How long until the first of these may be restored; undefined for none. */
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

const whatOf = (domain: DomainPlan): string => JSON.stringify([domain.state.domain.id, forgotten(domain)]);

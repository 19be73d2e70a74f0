import type { Connection } from '../libvirt/client/connection.ts';
import { MAX_IN_FLIGHT } from '../libvirt/client/rpc-channel.ts';
import { CallAbandonedError } from '../libvirt/errors.ts';
import type { Domain } from '../libvirt/wire/types.ts';
import type { ControlFigures } from '../model/extras.ts';
import type { Deadline } from './deadline.ts';
import { type AskedFigures, DomainFigures, type DomainFiguresOptions } from './domain-figures.ts';
import { DomainMemories } from './domain-memory.ts';
import { mapAtMost } from './event-loop.ts';
import type { Extras } from './extras.ts';
import { type AskDomain, FollowUps } from './follow-ups.ts';
import { HangDetector } from './hang-detector.ts';
import type { Outcome } from './host-sample.ts';
import type { Liveness } from './liveness.ts';
import type { CpuTimes } from './summaries.ts';

export interface DomainAskerOptions extends Omit<DomainFiguresOptions, 'memories' | 'hangs'> {
  readonly inFlight: number;
  readonly extras: Extras;
  readonly liveness: Liveness;
}

/** How often a call past its deadline is checked, until it is answered or the tick is over. */
const LOOK_EVERY_MS = 500;

/** When answers take longer than this, more calls have to be in flight. */
const SLOW_ANSWER_MS = 200;

/**
 * Asks domains for what requires their QEMU: one call per domain, each with a separate deadline and a bounded number
 * in flight, so that a hung domain does not cost the others their figures.
 */
export class DomainAsker {
  readonly #options: DomainAskerOptions;
  readonly #memories = new DomainMemories();
  readonly #hangs: HangDetector;
  readonly #figures: DomainFigures;
  readonly #followUps: FollowUps;

  constructor(options: DomainAskerOptions) {
    this.#options = options;
    this.#hangs = new HangDetector({
      ...options,
      memories: this.#memories,
      hasAnsweredSince: (sentMs) => options.pool.hasAnsweredSince(sentMs),
    });
    this.#figures = new DomainFigures({ ...options, memories: this.#memories, hangs: this.#hangs });
    this.#followUps = new FollowUps(options.facts, options.extras);
  }

  /** When the newest figures of a domain were taken; undefined before the first. */
  lastFreshAtMs(domain: Domain): number | undefined {
    return this.#memories.find(domain)?.lastFreshAtMs;
  }

  /** The state of libvirt's link to a domain that does not answer; undefined for all others. */
  controlOf(domain: Domain): ControlFigures | undefined {
    const memory = this.#memories.find(domain);
    return memory?.hungSinceMs === undefined ? undefined : memory.control;
  }

  /** CPU times that were requested along with a domain's figures in this tick. */
  cpuTimes(domain: Domain): Promise<CpuTimes> | undefined {
    return this.#figures.cpuTimes(domain);
  }

  /** The wall clock was set: shifts remembered times with it. */
  clockSet(byMs: number): void {
    this.#memories.clockSet(byMs);
  }

  startTick(control: Connection, domains: readonly Domain[]): void {
    const uuids = new Set(domains.map((domain) => domain.uuid));
    this.#memories.startTick(uuids);
    this.#hangs.startTick(control, uuids);
    this.#figures.startTick(domains);
  }

  /**
   * Fills in the outcome of each domain by UUID; a domain that vanished since the list has none. Resolves when
   * `asking` is over at the latest. XML and follow-ups are requested only before `earlyUntilMs` (performance.now()).
   */
  async askAll(
    domains: readonly Domain[],
    outcomes: Map<string, Outcome>,
    asking: Deadline,
    earlyUntilMs: number,
  ): Promise<void> {
    const record = (domain: Domain, outcome: Outcome | undefined): void => {
      this.#memories.of(domain).late = outcome?.kind === 'late';
      if (outcome !== undefined) outcomes.set(domain.uuid, outcome);
    };
    const slow: Promise<void>[] = [];
    const queue = this.#inOrder(domains).values();
    let index = 0;
    const worker = async (): Promise<void> => {
      for (const domain of queue) {
        const position = index++;
        const memory = this.#memories.of(domain);
        if (memory.pending !== undefined || memory.suspect) {
          const outcome = await this.#hangs.lookAgain(domain, asking);
          if (outcome !== undefined) {
            record(domain, outcome);
            continue;
          }
        }
        // XML first, so that the first sample has the labels and asks for the same groups as later ones.
        if (performance.now() < earlyUntilMs) await this.#readFacts(domain, asking);
        const asked = this.#figures.ask(domain, asking);
        const outcome = await asked.soon;
        if (outcome === 'slow') {
          slow.push(this.#outlast(domain, asked, asking).then((last) => record(domain, last)));
          continue;
        }
        record(domain, outcome);
        if (outcome?.kind !== 'fresh') continue;
        const about = { ...outcome.stats, control: memory.control };
        for (const read of this.#followUps.due(domain, position, about)) {
          if (performance.now() >= earlyUntilMs) break;
          await this.#askMore(domain, asking, read);
        }
      }
    };
    await Promise.all(Array.from({ length: this.#workers() }, worker));
    await Promise.all(slow);
  }

  /** Finds hung domains among the late ones: libvirt knows of them even when all its workers are blocked. */
  async lookAtLate(
    domains: readonly Domain[],
    outcomes: Map<string, Outcome>,
    deadline: Deadline,
  ): Promise<void> {
    const late = domains.filter((domain) => outcomes.get(domain.uuid)?.kind === 'late' && domain.id !== -1);
    await mapAtMost(late, MAX_IN_FLIGHT, async (domain) => {
      if (deadline.aborted) return;
      const verdict = await this.#hangs.look(domain, deadline);
      if (verdict?.sinceMs === undefined) return;
      outcomes.set(domain.uuid, this.#hangs.hung(this.#memories.of(domain), verdict.sinceMs));
    });
  }

  /** Domains that were late the last time come first, those that did not answer come last. */
  #inOrder(domains: readonly Domain[]): Domain[] {
    const first: Domain[] = [];
    const toAsk: Domain[] = [];
    const suspects: Domain[] = [];
    for (const domain of domains) {
      const { pending, suspect, late } = this.#memories.of(domain);
      if (suspect || pending !== undefined) suspects.push(domain);
      else (late ? first : toAsk).push(domain);
    }
    return [...first, ...toAsk, ...suspects];
  }

  /** As many as places when answers are slow, so that as many as possible arrive in time. */
  #workers(): number {
    const { inFlight, pool } = this.#options;
    return this.#figures.answerMs > SLOW_ANSWER_MS ? Math.max(inFlight, pool.placesMax) : inFlight;
  }

  /** Keeps waiting for a call past its deadline until the tick ends, unless the domain is known to hang. */
  async #outlast(
    domain: Domain,
    { last, giveUp }: AskedFigures,
    deadline: Deadline,
  ): Promise<Outcome | undefined> {
    const memory = this.#memories.of(domain);
    const answered = last.then((outcome) => ({ outcome }));
    for (;;) {
      const { pending } = memory;
      const verdict = await Promise.race([answered, this.#hangs.look(domain, deadline)]);
      if (verdict !== undefined && 'outcome' in verdict) return verdict.outcome;
      if (verdict?.sinceMs !== undefined || (pending !== undefined && this.#hangs.isIgnored(pending))) {
        const outcome = this.#hangs.hung(memory, verdict?.sinceMs ?? pending?.sinceMs);
        giveUp();
        return outcome;
      }
      const pause = Promise.withResolvers<undefined>();
      const timer = setTimeout(() => pause.resolve(undefined), LOOK_EVERY_MS);
      const done = await Promise.race([answered, pause.promise]);
      clearTimeout(timer);
      if (done !== undefined) return done.outcome;
    }
  }

  async #readFacts(domain: Domain, deadline: Deadline): Promise<void> {
    const { facts } = this.#options;
    if (facts.get(domain) !== undefined || !facts.isDue(domain)) return;
    await this.#askMore(domain, deadline, (ask) => this.#followUps.readFacts(domain, ask));
  }

  /** A failure here costs the domain none of its figures; the request is repeated later. */
  async #askMore(domain: Domain, deadline: Deadline, read: (ask: AskDomain) => Promise<void>): Promise<void> {
    const memory = this.#memories.of(domain);
    if (memory.pending !== undefined || memory.isFollowUpPending) return;
    const { pool, domainDeadlineMs: timeoutMs } = this.#options;
    try {
      await read(async (name, args) => {
        const reply = await pool.call(name, args, { deadline, timeoutMs });
        return reply === 'late' ? undefined : reply;
      });
    } catch (error) {
      if (!(error instanceof CallAbandonedError)) return;
      memory.isFollowUpPending = true;
      void error.finished.then(() => {
        memory.isFollowUpPending = false;
      });
    }
  }
}

import type { CallArgs, CallName, CallResult } from '../libvirt/calls/all.ts';
import type { Connection } from '../libvirt/client/connection.ts';
import { MAX_IN_FLIGHT } from '../libvirt/client/rpc-channel.ts';
import { ErrorCode, StatsFlag } from '../libvirt/constants.ts';
import { CallAbandonedError, isRemoteError } from '../libvirt/errors.ts';
import type { TypedParam } from '../libvirt/typed-params.ts';
import type { Domain } from '../libvirt/wire/types.ts';
import type { GroupName } from '../model/catalogue/catalogue.ts';
import type { DomainFacts } from '../model/domain/domain.ts';
import { withNicNames } from '../model/domain/nic-names.ts';
import type { ControlFigures } from '../model/extras.ts';
import { withoutUncountedPolling } from '../model/stats/halt-poll.ts';
import { readDomainStats } from '../model/stats/read.ts';
import type { DomainStats } from '../model/stats/types.ts';
import { needsMonitorOf } from './busy.ts';
import type { ConnectionPool } from './connection-pool.ts';
import { type Deadline, timerMs } from './deadline.ts';
import type { Extras } from './extras.ts';
import type { FactsCache } from './facts-cache.ts';
import { type AskDomain, FollowUps } from './follow-ups.ts';
import type { GuestMemory } from './guest-memory.ts';
import type { Outcome } from './host-sample.ts';
import type { Liveness, Verdict } from './liveness.ts';
import type { ResidentMemory } from './local/resident-memory.ts';
import type { LocalVcpus } from './local/vcpus.ts';
import type { Places } from './places.ts';
import { statsMask } from './plan.ts';
import type { CpuTimes, Summaries } from './summaries.ts';
import { mapAtMost } from './turns.ts';

export interface DomainAskerOptions {
  readonly groups: ReadonlySet<GroupName>;
  readonly domainDeadlineMs: number;
  readonly inFlight: number;
  /** Wall clock, ms since 1970. */
  readonly now: () => number;
}

/** What it asks through, and where it puts what it learns besides the figures. */
export interface DomainAskerParts {
  readonly pool: ConnectionPool;
  readonly facts: FactsCache;
  readonly summaries: Summaries;
  readonly extras: Extras;
  readonly liveness: Liveness;
  /** Absent where nobody asks for them. */
  readonly places: Places | undefined;
  readonly guestMemory: GuestMemory;
  /** Absent when virtune does not run on the host. */
  readonly vcpus: LocalVcpus | undefined;
  readonly residentMemory: ResidentMemory | undefined;
}

/** A call that has not come back. */
interface CallOut {
  /** Wall clock, ms since 1970. */
  readonly sinceMs: number;
  /** The same moment by the clock that never jumps. */
  readonly sentMs: number;
}

/** A timer may fire a moment before the clock says so. */
const CLOCK_SLACK_MS = 20;

/** How often a call that is past its deadline is looked into, until it is answered or the tick is over. */
const LOOK_EVERY_MS = 500;

/** From here on an answer takes so long that more calls have to be on their way at once. */
const SLOW_ANSWER_MS = 200;

/** A call on its way. An outcome that is undefined: the domain is no more. */
interface Asked {
  /** The outcome, or 'slow' when its own deadline came first. */
  readonly soon: Promise<Outcome | undefined | 'slow'>;
  /** The outcome, by the deadline of the tick; never rejects. */
  readonly last: Promise<Outcome | undefined>;
  readonly giveUp: () => void;
}

/** What is known of one domain between ticks. */
interface Memory {
  lastFreshAtMs: number | undefined;
  /** A call past its deadline that has not come back: the domain is not asked again until it does. */
  out: CallOut | undefined;
  /** One of the calls after the figures has not come back. Such a call waits for whoever holds the domain's job: that is no hang. */
  isFollowUpOut: boolean;
  /** It did not answer the last time: it is asked after the others, so that they need not wait for it. */
  suspect: boolean;
  /** Wall clock, ms since 1970: since when it hangs; absent while it does not. */
  hungSinceMs: number | undefined;
  /** What libvirt says of its link to it, in this tick. */
  control: ControlFigures | undefined;
  /** The last tick was over before it was asked: it comes first now. */
  late: boolean;
}

/**
 * Asks domains for what needs their QEMU: one call a domain, each with its own deadline, a bounded number at
 * once, so that one that hangs costs nobody else a figure.
 */
export class DomainAsker {
  readonly #options: DomainAskerOptions;
  readonly #parts: DomainAskerParts;
  readonly #followUps: FollowUps;
  readonly #memory = new Map<string, Memory>();
  #control: Connection | undefined;
  /** Asked in this tick, beside the figures. */
  readonly #cpuTimes = new Map<string, Promise<CpuTimes>>();
  /** How long the last answer took, ms. */
  #answerMs = 0;

  constructor(options: DomainAskerOptions, parts: DomainAskerParts) {
    this.#options = options;
    this.#parts = parts;
    this.#followUps = new FollowUps(parts.facts, parts.extras);
  }

  /** When the newest figures of a domain were taken; undefined before the first. */
  lastFreshAtMs(domain: Domain): number | undefined {
    return this.#memory.get(domain.uuid)?.lastFreshAtMs;
  }

  /** How libvirt reaches a domain that does not answer; undefined of all others. */
  controlOf(domain: Domain): ControlFigures | undefined {
    const memory = this.#memory.get(domain.uuid);
    return memory?.hungSinceMs === undefined ? undefined : memory.control;
  }

  /** CPU times that went out beside a domain's figures in this tick. */
  cpuTimes(domain: Domain): Promise<CpuTimes> | undefined {
    return this.#cpuTimes.get(domain.uuid);
  }

  /** Begins a tick; domains that are no more are forgotten. */
  startTick(control: Connection, domains: readonly Domain[]): void {
    this.#control = control;
    this.#cpuTimes.clear();
    this.#parts.vcpus?.startTick(domains);
    this.#parts.residentMemory?.startTick(domains);
    const uuids = new Set(domains.map((domain) => domain.uuid));
    for (const uuid of this.#memory.keys()) if (!uuids.has(uuid)) this.#memory.delete(uuid);
    this.#parts.liveness.keepOnly(uuids);
  }

  /**
   * The outcome of each domain by UUID, when `asking` is over at the latest; one that vanished meanwhile has none.
   */
  async askAll(
    domains: readonly Domain[],
    asking: Deadline,
    earlyUntilMs: number,
  ): Promise<Map<string, Outcome>> {
    const outcomes = new Map<string, Outcome>();
    const settle = (domain: Domain, outcome: Outcome | undefined): void => {
      this.#remember(domain).late = outcome?.kind === 'late';
      if (outcome !== undefined) outcomes.set(domain.uuid, outcome);
    };
    const slow: Promise<void>[] = [];
    const queue = this.#inOrder(domains).values();
    let index = 0;
    const worker = async (): Promise<void> => {
      for (const domain of queue) {
        const place = index++;
        const memory = this.#remember(domain);
        if (memory.out !== undefined || memory.suspect) {
          const outcome = await this.#lookAgain(domain, memory, asking);
          if (outcome !== undefined) {
            settle(domain, outcome);
            continue;
          }
        }
        // Known first, so that the first sample has the labels and asks for the groups of every later one.
        if (performance.now() < earlyUntilMs) await this.#readFacts(domain, asking);
        const asked = this.#ask(domain, asking);
        const outcome = await asked.soon;
        if (outcome === 'slow') {
          slow.push(this.#outlast(domain, memory, asked, asking).then((last) => settle(domain, last)));
          continue;
        }
        settle(domain, outcome);
        if (outcome?.kind !== 'fresh') continue;
        for (const read of this.#followUps.due(domain, place, outcome.stats)) {
          if (performance.now() >= earlyUntilMs) break;
          await this.#askMore(domain, asking, read);
        }
      }
    };
    await Promise.all(Array.from({ length: this.#workers() }, worker));
    await Promise.all(slow);
    return outcomes;
  }

  /** Those that came too late the last time first, those that did not answer last. */
  #inOrder(domains: readonly Domain[]): Domain[] {
    const first: Domain[] = [];
    const toAsk: Domain[] = [];
    const suspects: Domain[] = [];
    for (const domain of domains) {
      const { out, suspect, late } = this.#remember(domain);
      if (suspect || out !== undefined) suspects.push(domain);
      else (late ? first : toAsk).push(domain);
    }
    return [...first, ...toAsk, ...suspects];
  }

  /** As many as places where answers are slow, so that as many as possible come in time. */
  #workers(): number {
    const { inFlight } = this.#options;
    return this.#answerMs > SLOW_ANSWER_MS ? Math.max(inFlight, this.#parts.pool.placesMax) : inFlight;
  }

  #remember(domain: Domain): Memory {
    let memory = this.#memory.get(domain.uuid);
    if (memory === undefined) {
      memory = {
        lastFreshAtMs: undefined,
        out: undefined,
        isFollowUpOut: false,
        suspect: false,
        hungSinceMs: undefined,
        control: undefined,
        late: false,
      };
      this.#memory.set(domain.uuid, memory);
    }
    return memory;
  }

  /** Of a domain that did not answer the last time; undefined when it is to be asked. */
  async #lookAgain(domain: Domain, memory: Memory, deadline: Deadline): Promise<Outcome | undefined> {
    const verdict = await this.#look(domain, deadline);
    if (verdict?.sinceMs !== undefined) return this.#hung(memory, verdict);
    const { out } = memory;
    if (out === undefined) return undefined;
    const isHung =
      memory.hungSinceMs !== undefined ||
      (this.#isOverdue(out) && this.#parts.pool.hasAnsweredSince(out.sentMs));
    return isHung
      ? this.#hung(memory, { sinceMs: out.sinceMs, control: verdict?.control })
      : { kind: 'late' };
  }

  async #look(domain: Domain, deadline: Deadline): Promise<Verdict | undefined> {
    if (this.#control === undefined || domain.id === -1) return undefined;
    return this.#parts.liveness.look(this.#control, domain, deadline);
  }

  /** Names those among the late that hang: libvirt knows of them even when all its workers wait. */
  async lookAtLate(
    domains: readonly Domain[],
    outcomes: Map<string, Outcome>,
    deadline: Deadline,
  ): Promise<void> {
    const late = domains.filter((domain) => outcomes.get(domain.uuid)?.kind === 'late' && domain.id !== -1);
    await mapAtMost(late, MAX_IN_FLIGHT, async (domain) => {
      if (deadline.aborted) return;
      const verdict = await this.#look(domain, deadline);
      if (verdict?.sinceMs === undefined) return;
      outcomes.set(domain.uuid, this.#hung(this.#remember(domain), verdict));
    });
  }

  /** `sinceMs` stays as it was found first: clocks and looks differ by some ms. */
  #hung(memory: Memory, { sinceMs, control }: Verdict): Outcome {
    memory.suspect = true;
    memory.control = control;
    memory.hungSinceMs ??= sinceMs ?? this.#options.now();
    return { kind: 'unresponsive', sinceMs: memory.hungSinceMs };
  }

  #ask(domain: Domain, deadline: Deadline): Asked {
    const { domainDeadlineMs } = this.#options;
    const slow = Promise.withResolvers<'slow'>();
    let timer: NodeJS.Timeout | undefined;
    const giveUp = new AbortController();
    const last = this.#answer(domain, deadline, giveUp.signal, () => {
      timer = setTimeout(() => slow.resolve('slow'), timerMs(domainDeadlineMs));
    }).finally(() => clearTimeout(timer));
    return { soon: Promise.race([last, slow.promise]), last, giveUp: () => giveUp.abort() };
  }

  /** Of a call past its deadline: an answer in time for the tick still counts, unless it is known to hang. */
  async #outlast(
    domain: Domain,
    memory: Memory,
    { last, giveUp }: Asked,
    deadline: Deadline,
  ): Promise<Outcome | undefined> {
    const answered = last.then((outcome) => ({ outcome }));
    for (;;) {
      const { out } = memory;
      const verdict = await Promise.race([answered, this.#look(domain, deadline)]);
      if (verdict !== undefined && 'outcome' in verdict) return verdict.outcome;
      const isHung =
        out !== undefined && this.#isOverdue(out) && this.#parts.pool.hasAnsweredSince(out.sentMs);
      if (verdict?.sinceMs !== undefined || isHung) {
        const outcome = this.#hung(memory, {
          sinceMs: verdict?.sinceMs ?? out?.sinceMs,
          control: verdict?.control,
        });
        giveUp();
        return outcome;
      }
      const timer = Promise.withResolvers<undefined>();
      const handle = setTimeout(() => timer.resolve(undefined), LOOK_EVERY_MS);
      const done = await Promise.race([answered, timer.promise]);
      clearTimeout(handle);
      if (done !== undefined) return done.outcome;
    }
  }

  /** Undefined: the domain is no more. Never rejects. `sent`: called once the call is on its way. */
  async #answer(
    domain: Domain,
    deadline: Deadline,
    signal: AbortSignal,
    sent: () => void,
  ): Promise<Outcome | undefined> {
    if (deadline.aborted) return { kind: 'late' };
    const memory = this.#remember(domain);
    const facts = this.#parts.facts.get(domain);
    const vcpusFromHost = this.#vcpusFromHost(domain, facts);
    const mask = statsMask(this.#options.groups, facts, {
      vcpus: vcpusFromHost,
      rss: this.#parts.residentMemory?.canRead(domain) === true,
    });
    let atMs = this.#options.now();
    let out: CallOut | undefined;
    let vcpus: Promise<CallResult<'domainGetVcpus'> | undefined> | undefined;
    try {
      const reply = await this.#parts.pool.call(
        'connectGetAllDomainStats',
        { domains: [domain], stats: mask, flags: StatsFlag.noWait },
        { deadline, timeoutMs: Number.POSITIVE_INFINITY, signal },
        (connection) => {
          atMs = this.#options.now();
          out = { sinceMs: atMs, sentMs: performance.now() };
          memory.out = out;
          sent();
          this.#askBeside(connection, domain);
          if (vcpusFromHost) vcpus = this.#askForVcpus(connection, domain, facts, deadline);
        },
      );
      if (reply === 'late') return { kind: 'late' };
      if (memory.out === out) memory.out = undefined;
      this.#answerMs = performance.now() - (out?.sentMs ?? performance.now());
      const record = reply.records[0];
      if (record === undefined) return undefined;
      const stats = this.#readStats(domain, record.params, facts);
      const verdict = await this.#verdictOn(domain, stats, mask, facts, deadline);
      if (verdict?.sinceMs !== undefined) return this.#hung(memory, verdict);
      memory.suspect = false;
      memory.hungSinceMs = undefined;
      memory.lastFreshAtMs = atMs;
      const told = await vcpus;
      if (told !== undefined) this.#parts.places?.told(domain, told);
      return {
        kind: 'fresh',
        stats: told === undefined ? stats : this.#withVcpus(domain, stats, told, facts),
        atMs,
      };
    } catch (error) {
      if (error instanceof CallAbandonedError) return this.#leaveOut(memory, out, error);
      if (memory.out === out) memory.out = undefined;
      if (isRemoteError(error, ErrorCode.noDomain)) return undefined;
      return { kind: 'error', error: error as Error };
    }
  }

  /** The figures of a reply that were measured, and belong to this domain's devices. */
  #readStats(domain: Domain, params: readonly TypedParam[], facts: DomainFacts | undefined): DomainStats {
    const named = withNicNames(readDomainStats(params), facts?.interfaces);
    return this.#parts.guestMemory.onlyFresh(domain, withoutUncountedPolling(named, facts), facts);
  }

  /** Of a reply: whether the domain hangs behind a job that somebody holds. Undefined where it answered. */
  async #verdictOn(
    domain: Domain,
    stats: DomainStats,
    mask: number,
    facts: DomainFacts | undefined,
    deadline: Deadline,
  ): Promise<Verdict | undefined> {
    const { liveness } = this.#parts;
    const needed = domain.id === -1 ? 'told' : needsMonitorOf(stats, mask, facts);
    if (needed === 'told' || this.#control === undefined) {
      liveness.answered(domain);
      return undefined;
    }
    return needed === 'busy'
      ? liveness.lookAtBusy(this.#control, domain, stats, deadline)
      : liveness.look(this.#control, domain, deadline);
  }

  /** Remembers a call that was given up on until it comes back after all. */
  #leaveOut(memory: Memory, out: CallOut | undefined, error: CallAbandonedError): Outcome {
    memory.out = out;
    void error.finished.then(() => {
      if (memory.out === out) memory.out = undefined;
    });
    if (memory.hungSinceMs !== undefined) return { kind: 'unresponsive', sinceMs: memory.hungSinceMs };
    return { kind: 'late' };
  }

  #isOverdue({ sentMs }: CallOut): boolean {
    return performance.now() - sentMs >= this.#options.domainDeadlineMs - CLOCK_SLACK_MS;
  }

  /** Sends a call that a stuck guest may block; late when no place came free before the tick's deadline. */
  #call<N extends CallName>(
    name: N,
    args: CallArgs<N>,
    deadline: Deadline,
    beside?: (connection: Connection) => void,
  ): Promise<CallResult<N> | 'late'> {
    const { domainDeadlineMs: timeoutMs } = this.#options;
    return this.#parts.pool.call(name, args, { deadline, timeoutMs }, beside);
  }

  /**
   * CPU time in the same packet as the figures, where there is a place for it: a packet costs both sides more
   * than the call does. It needs no monitor, so a stuck guest does not hold it up.
   */
  #askBeside(connection: Connection, domain: Domain): void {
    if (!this.#options.groups.has('domain') || domain.id === -1 || connection.freePlaces === 0) return;
    this.#cpuTimes.set(domain.uuid, this.#parts.summaries.cpuTimes(connection, domain));
  }

  async #readFacts(domain: Domain, deadline: Deadline): Promise<void> {
    if (this.#parts.facts.get(domain) !== undefined || !this.#parts.facts.isDue(domain)) return;
    await this.#askMore(domain, deadline, (ask) =>
      this.#parts.facts.refresh(
        domain,
        async () => (await ask('domainGetXmlDesc', { domain, flags: 0 }))?.xml,
      ),
    );
  }

  /** Where the kernel tells of its vCPUs, and the XML how many they may be. */
  #vcpusFromHost(domain: Domain, facts: DomainFacts | undefined): boolean {
    const { groups } = this.#options;
    return (
      groups.has('vcpu') &&
      !groups.has('kvm') &&
      facts?.cpu.vcpusMaximum !== undefined &&
      // Only there does libvirt tell which vCPUs are halted (qemuDomainRefreshVcpuHalted).
      facts.os.arch?.startsWith('s390') !== true &&
      this.#parts.vcpus?.canRead(domain) === true
    );
  }

  /** In the same packet too, where there is a place; else as soon as there is one. */
  #askForVcpus(
    connection: Connection,
    domain: Domain,
    facts: DomainFacts | undefined,
    deadline: Deadline,
  ): Promise<CallResult<'domainGetVcpus'> | undefined> {
    const { domainDeadlineMs: timeoutMs } = this.#options;
    const via = connection.freePlaces > 0 ? connection : this.#parts.pool.caller({ deadline, timeoutMs });
    return this.#parts.summaries.vcpus(via, domain, facts?.cpu.vcpusMaximum ?? 0);
  }

  #withVcpus(
    domain: Domain,
    stats: DomainStats,
    told: CallResult<'domainGetVcpus'>,
    facts: DomainFacts | undefined,
  ): DomainStats {
    const vcpus = this.#parts.vcpus?.read(domain, told) ?? stats.vcpus;
    const { vcpusMaximum } = facts?.cpu ?? {};
    return {
      ...stats,
      vcpus,
      vcpuCurrent: told.info.length,
      ...(vcpusMaximum !== undefined && { vcpuMaximum: vcpusMaximum }),
    };
  }

  /** What fails here costs the domain none of the figures that are here already; it is asked for again. */
  async #askMore(domain: Domain, deadline: Deadline, read: (ask: AskDomain) => Promise<void>): Promise<void> {
    const memory = this.#remember(domain);
    if (memory.out !== undefined || memory.isFollowUpOut) return;
    try {
      await read(async (name, args) => {
        const reply = await this.#call(name, args, deadline);
        return reply === 'late' ? undefined : reply;
      });
    } catch (error) {
      if (!(error instanceof CallAbandonedError)) return;
      memory.isFollowUpOut = true;
      void error.finished.then(() => {
        memory.isFollowUpOut = false;
      });
    }
  }
}

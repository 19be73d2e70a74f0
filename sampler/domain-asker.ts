import type { CallArgs, CallName, CallResult } from '../libvirt/calls/all.ts';
import type { Connection } from '../libvirt/client/connection.ts';
import { ErrorCode, StatsFlag } from '../libvirt/constants.ts';
import { CallAbandonedError, isRemoteError } from '../libvirt/errors.ts';
import type { Domain } from '../libvirt/wire/types.ts';
import type { GroupName } from '../model/catalogue/catalogue.ts';
import type { DomainFacts } from '../model/domain/domain.ts';
import { withoutUncountedPolling } from '../model/stats/halt-poll.ts';
import { readDomainStats } from '../model/stats/read.ts';
import type { DomainStats } from '../model/stats/types.ts';
import type { ConnectionPool } from './connection-pool.ts';
import type { Deadline } from './deadline.ts';
import type { Extras } from './extras.ts';
import type { FactsCache } from './facts-cache.ts';
import { type AskDomain, FollowUps } from './follow-ups.ts';
import type { GuestMemory } from './guest-memory.ts';
import type { Outcome } from './host-sample.ts';
import type { ResidentMemory } from './local/resident-memory.ts';
import type { LocalVcpus } from './local/vcpus.ts';
import type { Places } from './places.ts';
import { statsMask } from './plan.ts';
import type { CpuTimes, Summaries } from './summaries.ts';

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
  /** Absent where nobody asks for them. */
  readonly places: Places | undefined;
  readonly guestMemory: GuestMemory;
  /** Absent when virtune does not run on the host. */
  readonly vcpus: LocalVcpus | undefined;
  readonly residentMemory: ResidentMemory | undefined;
}

interface CallOut {
  /** Wall clock, ms since 1970. */
  readonly sinceMs: number;
  /** The same moment by the clock that never jumps. */
  readonly startedMs: number;
}

/** A timer may fire a moment before the clock says so. */
const CLOCK_SLACK_MS = 20;

/** What is known of one domain between ticks. */
interface Memory {
  lastFreshAtMs: number | undefined;
  /** A call that was given up on and has not come back: the domain is not asked again until it does. */
  out: CallOut | undefined;
  /** It did not answer the last time: it is asked after the others, so that they need not wait for it. */
  suspect: boolean;
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

  constructor(options: DomainAskerOptions, parts: DomainAskerParts) {
    this.#options = options;
    this.#parts = parts;
    this.#followUps = new FollowUps(parts.facts, parts.extras);
  }

  /** When the newest figures of a domain were taken; undefined before the first. */
  lastFreshAtMs(domain: Domain): number | undefined {
    return this.#memory.get(domain.uuid)?.lastFreshAtMs;
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
  }

  /** The outcome of each domain by UUID; one that vanished meanwhile has none. */
  async askAll(
    domains: readonly Domain[],
    deadline: Deadline,
    earlyUntilMs: number,
  ): Promise<Map<string, Outcome>> {
    const outcomes = new Map<string, Outcome>();
    const toAsk: Domain[] = [];
    const suspects: Domain[] = [];
    for (const domain of domains) {
      const { out, suspect } = this.#remember(domain);
      if (out !== undefined) outcomes.set(domain.uuid, this.#unanswered(out));
      else (suspect ? suspects : toAsk).push(domain);
    }
    const queue = [...toAsk, ...suspects].values();
    let index = 0;
    const worker = async (): Promise<void> => {
      for (const domain of queue) {
        const place = index++;
        // Known first, so that the first sample has the labels and asks for the groups of every later one.
        if (performance.now() < earlyUntilMs) await this.#readFacts(domain, deadline);
        const outcome = await this.#ask(domain, deadline);
        if (outcome !== undefined) outcomes.set(domain.uuid, outcome);
        const early = performance.now() < earlyUntilMs;
        if (outcome?.kind !== 'fresh' || !early) continue;
        for (const read of this.#followUps.due(domain, place, outcome.stats)) {
          await this.#askMore(domain, deadline, read);
        }
      }
    };
    await Promise.all(Array.from({ length: this.#options.inFlight }, worker));
    return outcomes;
  }

  #remember(domain: Domain): Memory {
    let memory = this.#memory.get(domain.uuid);
    if (memory === undefined) {
      memory = { lastFreshAtMs: undefined, out: undefined, suspect: false };
      this.#memory.set(domain.uuid, memory);
    }
    return memory;
  }

  /** Undefined: the domain is no more. */
  async #ask(domain: Domain, deadline: Deadline): Promise<Outcome | undefined> {
    if (deadline.aborted) return { kind: 'late' };
    const atMs = this.#options.now();
    const memory = this.#remember(domain);
    const facts = this.#parts.facts.get(domain);
    const vcpusFromHost = this.#vcpusFromHost(domain, facts);
    let vcpus: Promise<CallResult<'domainGetVcpus'> | undefined> | undefined;
    try {
      const reply = await this.#call(
        'connectGetAllDomainStats',
        {
          domains: [domain],
          stats: statsMask(this.#options.groups, facts, {
            vcpus: vcpusFromHost,
            rss: this.#parts.residentMemory?.canRead(domain) === true,
          }),
          flags: StatsFlag.noWait,
        },
        deadline,
        (connection) => {
          this.#askBeside(connection, domain);
          if (vcpusFromHost) vcpus = this.#askForVcpus(connection, domain, facts);
        },
      );
      if (reply === 'late') return { kind: 'late' };
      const record = reply.records[0];
      if (record === undefined) return undefined;
      memory.suspect = false;
      memory.lastFreshAtMs = atMs;
      const stats = this.#parts.guestMemory.onlyFresh(
        domain,
        withoutUncountedPolling(readDomainStats(record.params), facts),
        facts,
      );
      const told = await vcpus;
      if (told !== undefined) this.#parts.places?.told(domain, told);
      return {
        kind: 'fresh',
        stats: told === undefined ? stats : this.#withVcpus(domain, stats, told, facts),
        atMs,
      };
    } catch (error) {
      if (isRemoteError(error, ErrorCode.noDomain)) return undefined;
      if (!(error instanceof CallAbandonedError)) return { kind: 'error', error: error as Error };
      return this.#leaveOut(memory, atMs, error);
    }
  }

  /** Remembers a call that was given up on until it comes back after all. */
  #leaveOut(memory: Memory, sinceMs: number, error: CallAbandonedError): Outcome {
    const out = { sinceMs, startedMs: performance.now() - (this.#options.now() - sinceMs) };
    memory.out = out;
    void error.finished.then(() => {
      if (memory.out === out) memory.out = undefined;
    });
    const outcome = this.#unanswered(out);
    if (outcome.kind === 'unresponsive') memory.suspect = true;
    return outcome;
  }

  /** A call that the tick's end cut short says nothing against the domain before its own deadline is over. */
  #unanswered({ sinceMs, startedMs }: CallOut): Outcome {
    return performance.now() - startedMs >= this.#options.domainDeadlineMs - CLOCK_SLACK_MS
      ? { kind: 'unresponsive', sinceMs }
      : { kind: 'late' };
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

  /** In the same packet too; over the control connection when calls that are stuck hold the places. */
  #askForVcpus(
    connection: Connection,
    domain: Domain,
    facts: DomainFacts | undefined,
  ): Promise<CallResult<'domainGetVcpus'> | undefined> {
    const via = connection.freePlaces > 0 ? connection : this.#control;
    const maxInfo = facts?.cpu.vcpusMaximum ?? 0;
    return via === undefined ? Promise.resolve(undefined) : this.#parts.summaries.vcpus(via, domain, maxInfo);
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
    if (memory.out !== undefined) return;
    const atMs = this.#options.now();
    try {
      await read(async (name, args) => {
        const reply = await this.#call(name, args, deadline);
        return reply === 'late' ? undefined : reply;
      });
    } catch (error) {
      if (error instanceof CallAbandonedError) this.#leaveOut(memory, atMs, error);
    }
  }
}

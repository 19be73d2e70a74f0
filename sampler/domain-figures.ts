import { setTimeout as sleep } from 'node:timers/promises';
import type { CallResult } from '../libvirt/calls/all.ts';
import type { Connection } from '../libvirt/client/connection.ts';
import { ErrorCode, StatsFlag, StatsGroup } from '../libvirt/constants.ts';
import { CallAbandonedError, isRemoteError } from '../libvirt/errors.ts';
import type { Domain } from '../libvirt/wire/types.ts';
import type { GroupName } from '../model/catalogue/catalogue.ts';
import type { DomainFacts } from '../model/domain/domain.ts';
import { withNicNames } from '../model/domain/nic-names.ts';
import { type MonitorState, monitorState } from '../model/monitor.ts';
import { withoutUncountedPolling } from '../model/stats/halt-poll.ts';
import { readDomainStats } from '../model/stats/read.ts';
import type { DomainStats } from '../model/stats/types.ts';
import type { ConnectionPool } from './connection-pool.ts';
import { type Deadline, timerMs } from './deadline.ts';
import type { DomainMemories, DomainMemory, PendingCall } from './domain-memory.ts';
import type { FactsCache } from './facts-cache.ts';
import type { GuestMemory } from './guest-memory.ts';
import type { HangDetector } from './hang-detector.ts';
import type { Outcome } from './host-sample.ts';
import type { ResidentMemory } from './local/resident-memory.ts';
import type { LocalVcpus } from './local/vcpus.ts';
import { statsMask } from './plan.ts';
import type { CpuTimes, Summaries } from './summaries.ts';
import type { UnknownStatistics } from './unknown-statistics.ts';
import type { VcpuPlacement } from './vcpu-placement.ts';

export interface DomainFiguresOptions {
  readonly groups: ReadonlySet<GroupName>;
  readonly domainDeadlineMs: number;
  /** Wall clock, ms since 1970. */
  readonly nowMs: () => number;
  readonly memories: DomainMemories;
  readonly hangs: HangDetector;
  readonly pool: ConnectionPool;
  readonly facts: FactsCache;
  readonly summaries: Summaries;
  /** Absent if no group needs them. */
  readonly vcpuPlacement: VcpuPlacement | undefined;
  readonly guestMemory: GuestMemory;
  readonly unknown: UnknownStatistics;
  /** Absent when virtune does not run on the host. */
  readonly vcpus: LocalVcpus | undefined;
  readonly residentMemory: ResidentMemory | undefined;
}

/** A call in flight. An undefined outcome means that the domain is gone. */
export interface AskedFigures {
  /** The outcome, or 'slow' when the domain's own deadline came first. */
  readonly soon: Promise<Outcome | undefined | 'slow'>;
  /** The outcome, by the deadline of the tick; never rejects. */
  readonly last: Promise<Outcome | undefined>;
  readonly giveUp: () => void;
}

/** How one call for a domain's statistics ended. */
interface Reply {
  readonly outcome: Outcome;
  readonly monitor?: MonitorState;
}

/** Pauses before retries while another client briefly holds the domain's job: a second exporter, `top`, virsh. */
const BUSY_PAUSES_MS = [10, 40, 160];

/** Asks one domain for its statistics, along with what can travel in the same packet. */
export class DomainFigures {
  readonly #options: DomainFiguresOptions;
  /** CPU times requested in this tick. */
  readonly #cpuTimes = new Map<string, Promise<CpuTimes>>();
  #answerMs = 0;

  constructor(options: DomainFiguresOptions) {
    this.#options = options;
  }

  /** How long the last answer took, ms. */
  get answerMs(): number {
    return this.#answerMs;
  }

  /** CPU times that were requested along with a domain's figures in this tick. */
  cpuTimes(domain: Domain): Promise<CpuTimes> | undefined {
    return this.#cpuTimes.get(domain.uuid);
  }

  startTick(domains: readonly Domain[]): void {
    this.#cpuTimes.clear();
    this.#options.vcpus?.startTick(domains);
    this.#options.residentMemory?.startTick(domains);
  }

  ask(domain: Domain, deadline: Deadline): AskedFigures {
    const slow = Promise.withResolvers<'slow'>();
    let timer: NodeJS.Timeout | undefined;
    const giveUp = new AbortController();
    const last = this.#answer(domain, deadline, giveUp.signal, () => {
      timer = setTimeout(() => slow.resolve('slow'), timerMs(this.#options.domainDeadlineMs));
    }).finally(() => clearTimeout(timer));
    return { soon: Promise.race([last, slow.promise]), last, giveUp: () => giveUp.abort() };
  }

  /** `sent`: called once the call is in flight. */
  async #answer(
    domain: Domain,
    deadline: Deadline,
    signal: AbortSignal,
    sent: () => void,
  ): Promise<Outcome | undefined> {
    const { memories, facts: cache, residentMemory, groups } = this.#options;
    const memory = memories.of(domain);
    const facts = cache.get(domain);
    const vcpusFromHost = this.#vcpusFromHost(domain, facts);
    const rss = residentMemory?.canRead(domain) === true;
    const mask = statsMask(groups, facts, { vcpus: vcpusFromHost, rss });
    let vcpus: Promise<CallResult<'domainGetVcpus'> | undefined> | undefined;
    const beside = (connection: Connection): void => {
      sent();
      this.#askCpuTimes(connection, domain);
      if (vcpusFromHost) vcpus = this.#askVcpus(connection, domain, facts, deadline);
    };
    const within = { deadline, signal };
    let reply = await this.#askOnce(domain, facts, mask, within, beside);
    for (const pauseMs of BUSY_PAUSES_MS) {
      // A long job is reported instead; one for another client's call is over in a moment.
      if (!isBusy(reply) || memory.control?.state === 'job' || deadline.remainingMs <= pauseMs) break;
      await sleep(pauseMs);
      const again = await this.#askOnce(domain, facts, mask, within);
      if (again?.outcome.kind === 'fresh' || again?.outcome.kind === 'unresponsive') reply = again;
    }
    if (reply?.outcome.kind !== 'fresh') return reply?.outcome;
    const { outcome } = reply;
    memory.suspect = false;
    memory.hungSinceMs = undefined;
    memory.lastFreshAtMs = outcome.atMs;
    return { ...outcome, stats: await this.#withVcpus(domain, outcome.stats, vcpus, facts) };
  }

  /** Undefined: the domain is gone. `beside` may send more in the same packet. */
  async #askOnce(
    domain: Domain,
    facts: DomainFacts | undefined,
    mask: number,
    { deadline, signal }: { readonly deadline: Deadline; readonly signal: AbortSignal },
    beside?: (connection: Connection) => void,
  ): Promise<Reply | undefined> {
    if (deadline.aborted) return { outcome: { kind: 'late' } };
    const { memories, pool, guestMemory, unknown, hangs, nowMs } = this.#options;
    const memory = memories.of(domain);
    let atMs = nowMs();
    let call: PendingCall | undefined;
    try {
      const reply = await pool.call(
        'connectGetAllDomainStats',
        { domains: [domain], stats: mask, flags: StatsFlag.noWait },
        { deadline, timeoutMs: Number.POSITIVE_INFINITY, signal },
        (connection) => {
          atMs = nowMs();
          call = { sinceMs: atMs, sentMs: performance.now() };
          memory.pending = call;
          beside?.(connection);
        },
      );
      if (reply === 'late') return { outcome: { kind: 'late' } };
      if (memory.pending === call) memory.pending = undefined;
      this.#answerMs = performance.now() - (call?.sentMs ?? performance.now());
      const record = reply.records[0];
      if (record === undefined) return undefined;
      const named = withNicNames(readDomainStats(record.params), facts?.interfaces);
      unknown.observe(named);
      const stats = guestMemory.onlyFresh(domain, withoutUncountedPolling(named, facts), facts);
      const asked = {
        balloon: (mask & StatsGroup.balloon) !== 0,
        ioThread: (mask & StatsGroup.ioThread) !== 0,
      };
      // A domain that is off has no monitor that could be busy.
      const monitor = domain.id === -1 ? 'answered' : monitorState(stats, facts, asked);
      const hung = await hangs.judgeReply(domain, stats, monitor, deadline);
      return { outcome: hung ?? { kind: 'fresh', stats, atMs }, monitor };
    } catch (error) {
      if (error instanceof CallAbandonedError) return { outcome: keepPending(memory, call, error) };
      if (memory.pending === call) memory.pending = undefined;
      if (isRemoteError(error, ErrorCode.noDomain)) return undefined;
      return { outcome: { kind: 'error', error: error as Error } };
    }
  }

  /**
   * Requests CPU time in the same packet as the figures if there is a free place: a packet costs both sides more
   * than the call does. It needs no monitor, so a stuck guest does not block it.
   */
  #askCpuTimes(connection: Connection, domain: Domain): void {
    const { groups, summaries } = this.#options;
    if (!groups.has('domain') || domain.id === -1 || connection.freePlaces === 0) return;
    this.#cpuTimes.set(domain.uuid, summaries.cpuTimes(connection, domain));
  }

  /** Whether the kernel counts this domain's vCPU times, and the XML has its maximum number of vCPUs. */
  #vcpusFromHost(domain: Domain, facts: DomainFacts | undefined): boolean {
    const { groups, vcpus } = this.#options;
    return (
      groups.has('vcpu') &&
      !groups.has('kvm') &&
      facts?.cpu.vcpusMaximum !== undefined &&
      // Only on s390 does libvirt know which vCPUs are halted (qemuDomainRefreshVcpuHalted).
      facts.os.arch?.startsWith('s390') !== true &&
      vcpus?.canRead(domain) === true
    );
  }

  /** In the same packet too if there is a free place, else as soon as there is one. */
  #askVcpus(
    connection: Connection,
    domain: Domain,
    facts: DomainFacts | undefined,
    deadline: Deadline,
  ): Promise<CallResult<'domainGetVcpus'> | undefined> {
    const { pool, summaries, domainDeadlineMs: timeoutMs } = this.#options;
    const via = connection.freePlaces > 0 ? connection : pool.caller({ deadline, timeoutMs });
    return summaries.vcpus(via, domain, facts?.cpu.vcpusMaximum ?? 0);
  }

  async #withVcpus(
    domain: Domain,
    stats: DomainStats,
    asked: Promise<CallResult<'domainGetVcpus'> | undefined> | undefined,
    facts: DomainFacts | undefined,
  ): Promise<DomainStats> {
    const reply = await asked;
    if (reply === undefined) return stats;
    this.#options.vcpuPlacement?.record(domain, reply);
    const vcpus = this.#options.vcpus?.read(domain, reply) ?? stats.vcpus;
    const { vcpusMaximum } = facts?.cpu ?? {};
    return {
      ...stats,
      vcpus,
      vcpuCurrent: reply.info.length,
      ...(vcpusMaximum !== undefined && { vcpuMaximum: vcpusMaximum }),
    };
  }
}

function isBusy(reply: Reply | undefined): boolean {
  return reply?.outcome.kind === 'fresh' && reply.monitor === 'busy';
}

/** Remembers an abandoned call until it returns. */
function keepPending(
  memory: DomainMemory,
  call: PendingCall | undefined,
  error: CallAbandonedError,
): Outcome {
  memory.pending = call;
  void error.finished.then(() => {
    if (memory.pending === call) memory.pending = undefined;
  });
  if (memory.hungSinceMs !== undefined) return { kind: 'unresponsive', sinceMs: memory.hungSinceMs };
  return { kind: 'late' };
}

import type { Connection } from '../../libvirt/client/connection.ts';
import { CallAbandonedError } from '../../libvirt/errors.ts';
import type { Domain } from '../../libvirt/wire/types.ts';
import type { GroupName } from '../../model/catalogue/catalogue.ts';
import type { DomainFacts } from '../../model/domain/domain.ts';
import { type GuestFigures, type GuestInfo, type GuestSample, numbered } from '../../model/guest.ts';
import type { MissingReason } from '../../model/missing.ts';
import { ConnectionPool } from '../connection-pool.ts';
import { Deadline } from '../deadline.ts';
import { askAgent, reasonOf } from './ask-agent.ts';

export const AGENT_GROUPS = ['agent', 'agentinfo'] as const satisfies readonly GroupName[];

/** Interval per guest: an agent walks its file systems for each answer, and they fill slowly. */
const INTERVAL_MS = 60_000;
/** A guest's hostname and operating system rarely change. */
const OS_INTERVAL_MS = 600_000;
/** How long the last figures of an agent that stopped answering are kept. */
const STALE_MS = 3 * INTERVAL_MS;
/** Deadline for one answer. */
const DEADLINE_MS = 5_000;
/** Deadline for all agents that are due; the rest follow in the next tick. */
const ROUND_MS = 30_000;
const IN_FLIGHT = 2;
/**
 * A hung agent blocks libvirt for as long as it hangs: indefinitely, unless the host's owner has set a response
 * timeout. Each such call occupies one of libvirtd's twenty workers, so few are allowed.
 */
const STUCK_MAX = 4;
/** A VM already has 52 series: this is a few more file systems than most guests have. */
const FILESYSTEMS_MAX = 16;

export interface AgentReaderOptions {
  readonly groups: ReadonlySet<GroupName>;
  /** Opens a connection that may ask guest agents and nothing else. */
  readonly open: (signal: AbortSignal) => Promise<Connection>;
  /** Called with the reason why agents cannot be asked: not permitted, or no connection. */
  readonly onFailure: (error: Error) => void;
  /** Wall clock, ms since 1970. */
  readonly nowMs: () => number;
  /** Monotonic clock, ms. */
  readonly steadyMs: () => number;
}

interface Known {
  /** A new run of the domain has a new agent. */
  readonly runId: number;
  figures: GuestFigures | undefined;
  reason: MissingReason;
  /** This and the next two on the monotonic clock. */
  answeredAtMs: number;
  dueAtMs: number;
  osDueAtMs: number;
  /** Numbers of its file systems, by mount point: they are kept across runs. */
  numbers: ReadonlyMap<string, number>;
  /** An abandoned call has not returned. */
  isCallPending: boolean;
}

/**
 * Asks guest agents in the background at a separate interval: no scrape waits for a guest to answer. The only
 * reader that needs a writable connection; it is opened before the first agent is asked.
 */
export class AgentReader {
  readonly #options: AgentReaderOptions;
  readonly #pool: ConnectionPool;
  readonly #known = new Map<string, Known>();
  #round: Promise<void> | undefined;
  #stuck = 0;
  #closed = false;

  constructor(options: AgentReaderOptions) {
    this.#options = options;
    this.#pool = new ConnectionPool({ open: options.open, base: 1, max: 2 });
  }

  get connections(): number {
    return this.#pool.size;
  }

  get stuckCalls(): number {
    return this.#pool.stuckCalls;
  }

  /** Records which domains have an agent, and starts a round of those that are due unless one is running. */
  startTick(
    domains: readonly Domain[],
    factsOf: (domain: Domain) => DomainFacts | undefined,
    libvirtVersion: number | undefined,
  ): void {
    const uuids = new Set(domains.map((domain) => domain.uuid));
    for (const uuid of this.#known.keys()) if (!uuids.has(uuid)) this.#known.delete(uuid);
    const due = domains.filter((domain) => this.#isDue(domain, factsOf(domain)));
    if (due.length === 0 || this.#round !== undefined) return;
    this.#round = this.#ask(due, libvirtVersion).finally(() => {
      this.#round = undefined;
    });
  }

  /** The current figures of a guest, or why there are none. */
  read(domain: Domain): GuestSample {
    const { figures, reason, answeredAtMs } = this.#of(domain);
    const isFresh = figures !== undefined && this.#options.steadyMs() - answeredAtMs <= STALE_MS;
    return {
      figures: isFresh ? figures : undefined,
      missing: isFresh
        ? []
        : AGENT_GROUPS.filter((group) => this.#options.groups.has(group)).map((group) => ({ group, reason })),
    };
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#pool.close();
    await this.#round;
  }

  #of(domain: Domain): Known {
    const before = this.#known.get(domain.uuid);
    let known = before;
    if (known?.runId !== domain.id) {
      known = {
        runId: domain.id,
        figures: undefined,
        reason: 'not_asked_yet',
        answeredAtMs: Number.NEGATIVE_INFINITY,
        dueAtMs: Number.NEGATIVE_INFINITY,
        osDueAtMs: Number.NEGATIVE_INFINITY,
        numbers: before?.numbers ?? new Map(),
        isCallPending: false,
      };
      this.#known.set(domain.uuid, known);
    }
    return known;
  }

  #isDue(domain: Domain, facts: DomainFacts | undefined): boolean {
    const known = this.#of(domain);
    const hindrance = hindranceOf(domain, facts);
    if (hindrance !== undefined) known.reason = hindrance;
    return hindrance === undefined && !known.isCallPending && known.dueAtMs <= this.#options.steadyMs();
  }

  /** Never rejects. */
  async #ask(due: readonly Domain[], libvirtVersion: number | undefined): Promise<void> {
    this.#pool.startTick();
    const deadline = new Deadline(ROUND_MS);
    const queue = due.values();
    const worker = async (): Promise<void> => {
      for (const domain of queue) {
        if (deadline.aborted || this.#closed) return;
        await this.#askOne(domain, libvirtVersion, deadline);
      }
    };
    await Promise.all(Array.from({ length: IN_FLIGHT }, worker));
    this.#pool.shrink();
  }

  async #askOne(domain: Domain, libvirtVersion: number | undefined, deadline: Deadline): Promise<void> {
    const known = this.#of(domain);
    if (this.#stuck >= STUCK_MAX) {
      known.reason = 'agent_limit';
      return;
    }
    const { nowMs, steadyMs } = this.#options;
    const atMs = steadyMs();
    const shownAtMs = nowMs();
    // Randomized, or all agents asked in one round would be due in the same round from then on.
    known.dueAtMs = atMs + INTERVAL_MS * (0.75 + Math.random() / 4);
    const withOs = this.#options.groups.has('agentinfo') && known.osDueAtMs <= atMs;
    try {
      const info = await askAgent(
        (types) =>
          this.#pool.call(
            'domainGetGuestInfo',
            { domain, types, flags: 0 },
            { deadline, timeoutMs: DEADLINE_MS },
          ),
        { withOs, libvirtVersion },
      );
      if (info === 'late') {
        known.dueAtMs = atMs;
        return;
      }
      if (withOs) known.osDueAtMs = atMs + OS_INTERVAL_MS;
      known.answeredAtMs = atMs;
      keep(known, info, shownAtMs, withOs);
    } catch (error) {
      this.#failed(known, error as Error);
    }
  }

  #failed(known: Known, error: Error): void {
    known.reason = reasonOf(error);
    const isOurs = known.reason === 'not_permitted' || known.reason === 'no_connection';
    if (isOurs && !this.#closed) this.#options.onFailure(error);
    if (!(error instanceof CallAbandonedError)) return;
    known.isCallPending = true;
    this.#stuck++;
    void error.finished.then(() => {
      known.isCallPending = false;
      this.#stuck--;
    });
  }
}

/** `withOs`: whether hostname and operating system were asked for; if not, the previous ones are kept. */
function keep(known: Known, info: GuestInfo, atMs: number, withOs: boolean): void {
  const byMountpoint = new Map(info.filesystems.map((each) => [each.mountpoint, each]));
  const before = withOs ? undefined : known.figures;
  known.numbers = numbered(known.numbers, [...byMountpoint.keys()], FILESYSTEMS_MAX);
  known.figures = {
    atMs,
    filesystems: new Map(
      [...known.numbers].flatMap(([mountpoint, number]) => {
        const filesystem = byMountpoint.get(mountpoint);
        return filesystem === undefined ? [] : [[number, filesystem] as const];
      }),
    ),
    filesystemCount: byMountpoint.size,
    load: info.load,
    hostname: before?.hostname ?? info.hostname,
    os: before?.os ?? info.os,
  };
}

/** Why a domain's agent cannot be asked, as far as known without asking. */
function hindranceOf({ id }: Domain, facts: DomainFacts | undefined): MissingReason | undefined {
  if (id === -1) return 'not_running';
  if (facts === undefined) return 'no_xml';
  if (facts.agent === undefined) return 'no_agent';
  return facts.agent === 'disconnected' ? 'agent_not_connected' : undefined;
}

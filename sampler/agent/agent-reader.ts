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

/** An agent walks its file systems for each answer, and they fill slowly. */
const BEAT_MS = 60_000;
/** What a guest is called and runs changes when somebody changes it. */
const WORDS_BEAT_MS = 600_000;
/** How long the last figures of an agent that stopped answering are kept. */
const STALE_MS = 3 * BEAT_MS;
/** For one answer. */
const DEADLINE_MS = 5_000;
/** For all that are due; the others have their turn with the next tick. */
const ROUND_MS = 30_000;
const IN_FLIGHT = 2;
/**
 * An agent that hangs keeps libvirt waiting for as long as it does: without a response timeout set by the
 * host's owner there is no end to it. Each such call holds one of libvirtd's twenty workers, so few may.
 */
const STUCK_MAX = 4;
/** As a VM has 52 series besides: a few file systems more than most guests have. */
const FILESYSTEMS_MAX = 16;

export interface AgentReaderOptions {
  readonly groups: ReadonlySet<GroupName>;
  /** Opens a connection that may ask guest agents and nothing else. */
  readonly open: (signal: AbortSignal) => Promise<Connection>;
  /** Called with why that failed. */
  readonly onFailure: (error: Error) => void;
  /** Wall clock, ms since 1970. */
  readonly nowMs: () => number;
  /** A clock that is never set. */
  readonly steadyMs: () => number;
}

interface Known {
  /** Another run of the domain is another agent. */
  readonly runId: number;
  figures: GuestFigures | undefined;
  reason: MissingReason;
  /** These three by the clock that is never set. */
  answeredAtMs: number;
  dueAtMs: number;
  wordsDueAtMs: number;
  /** Of its file systems, by mount point: they outlive the run. */
  numbers: ReadonlyMap<string, number>;
  /** Its call was given up on and has not come back. */
  out: boolean;
}

/**
 * Asks the agents in guests, beside the ticks and at a separate interval: no scrape waits for a guest to answer.
 * The one part of reading that needs a writable connection; it is opened before the first agent is asked.
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

  /** Notes who has an agent, and begins a round of those that are due unless one is under way. */
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

  /** What is known of a guest now, and why nothing more is. */
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
        wordsDueAtMs: Number.NEGATIVE_INFINITY,
        numbers: before?.numbers ?? new Map(),
        out: false,
      };
      this.#known.set(domain.uuid, known);
    }
    return known;
  }

  #isDue(domain: Domain, facts: DomainFacts | undefined): boolean {
    const known = this.#of(domain);
    const hindrance = hindranceOf(domain, facts);
    if (hindrance !== undefined) known.reason = hindrance;
    return hindrance === undefined && !known.out && known.dueAtMs <= this.#options.steadyMs();
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
    // Spread out, or all that were asked in one round would be asked in one round ever after.
    known.dueAtMs = atMs + BEAT_MS * (0.75 + Math.random() / 4);
    const words = this.#options.groups.has('agentinfo') && known.wordsDueAtMs <= atMs;
    try {
      const info = await askAgent(
        (types) =>
          this.#pool.call(
            'domainGetGuestInfo',
            { domain, types, flags: 0 },
            { deadline, timeoutMs: DEADLINE_MS },
          ),
        { words, libvirtVersion },
      );
      if (info === 'late') {
        known.dueAtMs = atMs;
        return;
      }
      if (words) known.wordsDueAtMs = atMs + WORDS_BEAT_MS;
      known.answeredAtMs = atMs;
      keep(known, info, shownAtMs, words);
    } catch (error) {
      this.#failed(known, error as Error);
    }
  }

  #failed(known: Known, error: Error): void {
    known.reason = reasonOf(error);
    const isOurs = known.reason === 'not_permitted' || known.reason === 'no_connection';
    if (isOurs && !this.#closed) this.#options.onFailure(error);
    if (!(error instanceof CallAbandonedError)) return;
    known.out = true;
    this.#stuck++;
    void error.finished.then(() => {
      known.out = false;
      this.#stuck--;
    });
  }
}

/** `words`: whether it was asked for them this time; if not, those of the time before hold. */
function keep(known: Known, info: GuestInfo, atMs: number, words: boolean): void {
  const byMountpoint = new Map(info.filesystems.map((each) => [each.mountpoint, each]));
  const before = words ? undefined : known.figures;
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

/** Why its agent cannot be asked, by what is known of the domain without asking. */
function hindranceOf({ id }: Domain, facts: DomainFacts | undefined): MissingReason | undefined {
  if (id === -1) return 'not_running';
  if (facts === undefined) return 'no_xml';
  if (facts.agent === undefined) return 'no_agent';
  return facts.agent === 'disconnected' ? 'agent_not_connected' : undefined;
}

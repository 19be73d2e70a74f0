import type { Connection } from '../libvirt/client/connection.ts';
import { ManagedConnection } from '../libvirt/client/managed.ts';
import type { Domain } from '../libvirt/wire/types.ts';
import { DEFAULT_GROUPS, type GroupName } from '../model/catalogue/catalogue.ts';
import type { MetadataReader } from '../model/domain/custom-metadata.ts';
import type { HostFigures, HostPart } from '../model/host.ts';
import type { DomainSummary } from '../model/summary.ts';
import { AGENT_GROUPS, AgentReader } from './agent/agent-reader.ts';
import { Background } from './background-read.ts';
import { ConnectionPool } from './connection-pool.ts';
import { Deadline, timerMs } from './deadline.ts';
import { DomainAsker } from './domain-asker.ts';
import { Extras } from './extras.ts';
import { FactsCache } from './facts-cache.ts';
import { GuestMemory } from './guest-memory.ts';
import { Capabilities } from './host/capabilities.ts';
import { HostLine } from './host/host-line.ts';
import { HostReader } from './host/host-reader.ts';
import type { DomainSample, HostIdentity, HostSample, Outcome, SamplerHealth } from './host-sample.ts';
import { Identity } from './identity.ts';
import { LimitUses } from './limit-uses.ts';
import { Liveness } from './liveness.ts';
import { LocalReader } from './local/local-reader.ts';
import { Processes } from './local/processes.ts';
import { ResidentMemory } from './local/resident-memory.ts';
import { LocalVcpus } from './local/vcpus.ts';
import { Marks } from './marks.ts';
import { Places } from './places.ts';
import { Reckoning } from './reckoning.ts';
import { SlowReads } from './slow-reads.ts';
import { Snapshots } from './snapshots.ts';
import { Summaries } from './summaries.ts';
import { mapAtMost, mapInTurns, Turns } from './turns.ts';
import { Versions } from './versions.ts';

export interface SamplerOptions {
  /** Opens one read-only connection to the host. */
  readonly open: (signal: AbortSignal) => Promise<Connection>;
  /**
   * Opens one that may ask guest agents and nothing else; called when a group wants that. Without it such a
   * group tells nothing.
   */
  readonly openGuestAgent?: ((signal: AbortSignal) => Promise<Connection>) | undefined;
  /** Told why guest agents cannot be asked. */
  readonly onGuestAgentFailure?: ((error: Error) => void) | undefined;
  /** Called when a part of the host's own figures begins to fail. */
  readonly onHostFailure?: ((part: HostPart, error: Error) => void) | undefined;
  /** What to ask for; the catalogue's defaults when not given. */
  readonly groups?: ReadonlySet<GroupName> | undefined;
  /** Reads labels of one's own from each domain's XML. */
  readonly metadata?: MetadataReader | undefined;
  /** `/proc` of the host that is asked; absent when virtune does not run there. */
  readonly procRoot?: string | undefined;
  /** Where the host's control groups are mounted; `/sys/fs/cgroup` when not given. */
  readonly cgroupRoot?: string | undefined;
  /** For one domain's answer. */
  readonly domainDeadlineMs?: number | undefined;
  /** For the whole tick; what was not asked by then is reported late. */
  readonly tickDeadlineMs?: number | undefined;
  /** Calls under way at once that a stuck guest can block. */
  readonly inFlight?: number | undefined;
  /** Domains that are asked where their vCPUs run in one tick; of more, each has its turn. */
  readonly placesPerTick?: number | undefined;
  readonly baseConnections?: number | undefined;
  readonly maxConnections?: number | undefined;
  /** Wall clock, ms since 1970. */
  readonly now?: (() => number) | undefined;
}

const DEFAULTS = {
  groups: DEFAULT_GROUPS,
  domainDeadlineMs: 2_000,
  tickDeadlineMs: 8_000,
  inFlight: 8,
  baseConnections: 4,
  maxConnections: 5,
};

/** The share of a tick that is kept for what comes after asking, and how much that is at most. */
const REST_SHARE = 0.2;
const REST_MAX_MS = 1_500;

/** Of more domains that did not answer, the states are listed first: one by one there may be no time for them. */
const STATES_ONE_BY_ONE = 12;
/** A tick waits for calls about the host for so much longer than for the VMs, where they are usually quick. */
const HOST_GRACE_MS = 100;

const HOST_GROUPS = ['host', 'pool', 'overcommit', 'hostcpus'] as const;

/** What a tick has learned, by UUID. */
interface Gathered {
  readonly outcomes: ReadonlyMap<string, Outcome>;
  readonly known: ReadonlyMap<string, Omit<DomainSummary, 'marks'>>;
  /** virDomainState, of all or of none. */
  readonly states: ReadonlyMap<string, number>;
}

/**
 * Asks one host. List and states go over a connection of their own through calls that stuck guests cannot
 * block; statistics are one call a domain, each with its own deadline, a bounded number at once. Calls about
 * the host as a whole run beside the ticks, over connections of theirs.
 */
export class Sampler {
  readonly #options: typeof DEFAULTS;
  readonly #now: () => number;
  readonly #control: ManagedConnection;
  readonly #pool: ConnectionPool;
  readonly #facts: FactsCache;
  readonly #summaries: Summaries;
  readonly #line: HostLine;
  readonly #background = new Background();
  readonly #capabilities: Capabilities;
  /** Absent where no group asks for it. */
  readonly #host: HostReader | undefined;
  readonly #marks: Marks | undefined;
  readonly #extras: Extras;
  readonly #asker: DomainAsker;
  readonly #local: LocalReader;
  readonly #liveness: Liveness;
  /** Absent when virtune does not run on the host. */
  readonly #processes: Processes | undefined;
  readonly #agents: AgentReader | undefined;
  readonly #guestMemory: GuestMemory;
  /** Absent when virtune does not run on the host. */
  readonly #residentMemory: ResidentMemory | undefined;
  /** Absent where nobody asks for them. */
  readonly #places: Places | undefined;
  readonly #reckoning = new Reckoning();
  readonly #limitUses = new LimitUses();
  readonly #versions: Versions;
  readonly #identity: Identity;
  #domains: readonly Domain[] = [];
  #running: { readonly sample: Promise<HostSample>; readonly deadlineMs: number } | undefined;

  constructor(options: SamplerOptions) {
    const given = Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
    this.#options = { ...DEFAULTS, ...given };
    this.#now = options.now ?? Date.now;
    this.#facts = new FactsCache(this.#now, options.metadata);
    this.#summaries = new Summaries(this.#options.domainDeadlineMs, this.#now);
    this.#pool = new ConnectionPool({
      open: options.open,
      base: this.#options.baseConnections,
      max: this.#options.maxConnections,
    });
    this.#control = new ManagedConnection({
      open: options.open,
      onOpen: async () => {
        this.#facts.clear();
        this.#background.forget();
        this.#host?.forget();
        this.#capabilities.forget();
        this.#identity.forget();
        this.#startHostReads();
      },
    });
    const { groups } = this.#options;
    this.#line = new HostLine(options.open);
    const slowReads = new SlowReads();
    const beside = { ask: this.#line.call, background: this.#background, now: this.#now };
    this.#capabilities = new Capabilities({
      ...beside,
      wantsTopology: ['host', 'hostcpus', 'overcommit'].some((name) => groups.has(name as GroupName)),
    });
    if (HOST_GROUPS.some((name) => groups.has(name))) {
      this.#host = new HostReader({
        ...beside,
        groups,
        procRoot: options.procRoot,
        capabilities: this.#capabilities,
        slowReads,
        onFailure: options.onHostFailure,
      });
    }
    this.#versions = new Versions(beside);
    this.#identity = new Identity({ ...beside, capabilities: this.#capabilities });
    this.#extras = new Extras({
      groups,
      snapshots: groups.has('snapshot') ? new Snapshots(beside) : undefined,
    });
    if (groups.has('domain')) {
      this.#marks = new Marks({ ...beside, onAnswer: () => this.#startSnapshots() });
    }
    const { procRoot } = options;
    this.#processes = procRoot === undefined ? undefined : new Processes(procRoot, slowReads, this.#now);
    const processes = this.#processes;
    this.#local = new LocalReader({
      groups: this.#options.groups,
      procRoot: options.procRoot,
      cgroupRoot: options.cgroupRoot ?? '/sys/fs/cgroup',
      processes,
      background: this.#background,
      slowReads,
      now: this.#now,
    });
    this.#places = this.#options.groups.has('placement') ? new Places(options.placesPerTick) : undefined;
    this.#guestMemory = new GuestMemory(this.#now);
    this.#residentMemory =
      procRoot === undefined || processes === undefined ? undefined : new ResidentMemory(procRoot, processes);
    this.#liveness = new Liveness({
      open: options.open,
      hungAfterMs: this.#options.domainDeadlineMs,
      procRoot,
      processes,
      now: this.#now,
    });
    this.#asker = new DomainAsker({
      ...this.#options,
      now: this.#now,
      pool: this.#pool,
      facts: this.#facts,
      summaries: this.#summaries,
      extras: this.#extras,
      liveness: this.#liveness,
      places: this.#places,
      guestMemory: this.#guestMemory,
      residentMemory: this.#residentMemory,
      vcpus:
        procRoot === undefined || processes === undefined ? undefined : new LocalVcpus(procRoot, processes),
    });
    const { openGuestAgent } = options;
    const wantsAgents = AGENT_GROUPS.some((name) => this.#options.groups.has(name));
    if (openGuestAgent !== undefined && wantsAgents) {
      this.#agents = new AgentReader({
        groups: this.#options.groups,
        open: openGuestAgent,
        onFailure: options.onGuestAgentFailure ?? (() => undefined),
        now: this.#now,
      });
    }
    this.#facts.watch(this.#control);
    this.#extras.watch(this.#control);
  }

  /** As the connection that is open, or was last, told it. */
  get identity(): HostIdentity | undefined {
    return this.#identity.known;
  }

  get health(): SamplerHealth {
    return {
      control: this.#control.state,
      lastError: this.#control.lastError,
      connections:
        this.#pool.size +
        this.#line.size +
        this.#liveness.connections +
        (this.#control.current === undefined ? 0 : 1) +
        (this.#agents?.connections ?? 0),
      reconnects: this.#control.reconnects + this.#pool.lost + this.#line.lost,
      stuckCalls:
        this.#pool.stuckCalls +
        this.#line.stuckCalls(this.#options.domainDeadlineMs) +
        (this.#agents?.stuckCalls ?? 0),
    };
  }

  /** Resolves once the host can be asked; rejects with why it cannot when the attempt under way fails. */
  async attempt(signal?: AbortSignal): Promise<void> {
    await this.#control.attempt(signal);
  }

  /**
   * One sample; callers at the same time share one. Rejects when the host itself cannot be asked; a domain that
   * cannot is an outcome in the sample. `budgetMs` shortens the tick's deadline. A caller that shares a tick which
   * another has shortened, and finds domains missing in it, gets a tick with the time it has left.
   */
  async sample(budgetMs = Number.POSITIVE_INFINITY): Promise<HostSample> {
    const ownMs = Math.min(timerMs(budgetMs), this.#options.tickDeadlineMs);
    const endMs = performance.now() + ownMs;
    const joined = this.#running;
    if (joined === undefined) return this.#start(ownMs);
    if (joined.deadlineMs >= ownMs) return joined.sample;
    const sample = await joined.sample;
    const leftMs = endMs - performance.now();
    const isCut = sample.domains.some(({ outcome }) => outcome.kind === 'late');
    if (!isCut || leftMs < joined.deadlineMs) return sample;
    return this.#running?.sample ?? this.#start(leftMs);
  }

  #start(deadlineMs: number): Promise<HostSample> {
    const sample = this.#tick(deadlineMs).finally(() => {
      this.#running = undefined;
    });
    this.#running = { sample, deadlineMs };
    return sample;
  }

  async close(): Promise<void> {
    await Promise.all([
      this.#control.close(),
      this.#pool.close(),
      this.#line.close(),
      this.#liveness.close(),
      this.#agents?.close(),
    ]);
  }

  async #tick(tickDeadlineMs: number): Promise<HostSample> {
    const startedAtMs = this.#now();
    const startedMs = performance.now();
    const whole = new Deadline(tickDeadlineMs);
    const deadline = new Deadline(tickDeadlineMs - Math.min(tickDeadlineMs * REST_SHARE, REST_MAX_MS));
    const control = await this.#control.attempt(
      AbortSignal.timeout(Math.round(Math.min(this.#options.domainDeadlineMs, tickDeadlineMs))),
    );
    this.#pool.startTick();
    const { domains } = await control.call(
      'connectListAllDomains',
      { needResults: 1, flags: 0 },
      { signal: deadline.signal },
    );
    this.#forgetAllBut(domains);
    this.#places?.startTick(domains);
    await this.#processes?.look(domains);
    this.#asker.startTick(control, domains);
    this.#startHostReads();
    this.#host?.readLocal();
    const outcomes = new Map<string, Outcome>();
    await this.#asker.askAll(domains, outcomes, deadline, startedMs + tickDeadlineMs / 2);
    const [states, known] = await Promise.all([
      this.#states(control, domains, outcomes, whole),
      this.#summarise(domains, whole),
      this.#asker.lookAtLate(domains, outcomes, whole),
    ]);
    await this.#background.settle({
      firstUntilMs: startedMs + Math.min(this.#options.domainDeadlineMs, tickDeadlineMs / 2),
      untilMs: Math.min(performance.now() + HOST_GRACE_MS, startedMs + tickDeadlineMs / 2),
    });
    const hostFigures = this.#hostFigures();
    this.#local.startTick(domains, hostFigures?.topology);
    const mapsUntilMs = performance.now() + HOST_GRACE_MS;
    await this.#background.settle({
      firstUntilMs: mapsUntilMs + Math.min(this.#options.domainDeadlineMs, tickDeadlineMs / 8),
      untilMs: mapsUntilMs,
    });
    const local = await this.#local.read(domains, whole);
    this.#agents?.startTick(domains, (domain) => this.#facts.get(domain), this.#versions.known?.libvirt);
    const samples = (await this.#complete(control, domains, { outcomes, known, states }, whole)).map(
      (sample) => ({
        ...sample,
        local: local.get(sample.domain.uuid),
      }),
    );
    const limited = this.#limitUses.complete(samples);
    await new Turns().next();
    this.#pool.shrink();
    this.#line.shrink();
    // Lost on the way: what was gathered says more of the loss than of the domains.
    if (control.closed !== undefined) throw control.closed;
    return this.#reckoning.complete({
      startedAtMs,
      domains: limited,
      versions: this.#versions.known,
      identity: this.#identity.known,
      host: hostFigures,
      durationMs: performance.now() - startedMs,
    });
  }

  /** Begins the calls about the host that are due; none of them is waited for here. */
  #startHostReads(): void {
    this.#versions.startTick();
    if (this.#host !== undefined) this.#capabilities.startTick();
    this.#identity.startTick();
    this.#host?.startTick();
    this.#marks?.startTick();
    this.#startSnapshots();
  }

  #startSnapshots(): void {
    this.#extras.startSnapshots(
      this.#domains.filter((domain) => this.#marks?.of(domain)?.hasSnapshot === true),
    );
  }

  #hostFigures(): HostFigures | undefined {
    const figures = this.#host?.figures();
    if (figures === undefined) return undefined;
    const parts = new Map(figures.parts);
    parts.set('versions', this.#versions.status);
    parts.set('identity', this.#identity.status);
    if (this.#marks !== undefined) parts.set('marks', this.#marks.status);
    return { ...figures, parts };
  }

  #forgetAllBut(domains: readonly Domain[]): void {
    this.#domains = domains;
    const known = new Set(domains.map((domain) => domain.uuid));
    this.#facts.keepOnly(known);
    this.#guestMemory.keepOnly(known);
    this.#extras.startTick(known);
  }

  /** Listed by state where so many did not answer that there may be no time to ask for each. */
  async #states(
    control: Connection,
    domains: readonly Domain[],
    outcomes: ReadonlyMap<string, Outcome>,
    deadline: Deadline,
  ): Promise<ReadonlyMap<string, number>> {
    const silent = domains.filter((domain) => !hasState(outcomes.get(domain.uuid)));
    return silent.length > STATES_ONE_BY_ONE
      ? this.#summaries.states(control, deadline.remainingMs)
      : new Map();
  }

  /** By UUID. What a closing connection cannot tell is absent; the tick itself finds out that it closed. */
  async #summarise(
    domains: readonly Domain[],
    deadline: Deadline,
  ): Promise<ReadonlyMap<string, Omit<DomainSummary, 'marks'>>> {
    const { domainDeadlineMs: timeoutMs } = this.#options;
    // For all of them: where libvirt answers none of these calls, the sample goes out without them.
    const within = new Deadline(Math.min(timeoutMs, deadline.remainingMs));
    const pool = this.#pool.caller({ deadline: within, timeoutMs });
    const withTimes = this.#options.groups.has('domain');
    const read = await mapAtMost(domains, this.#options.inFlight, (domain) =>
      this.#summaries.read(
        pool,
        domain,
        this.#facts.get(domain),
        { withCpuTimes: withTimes, places: this.#places },
        this.#asker.cpuTimes(domain),
      ),
    );
    return new Map(read.map((summary) => [summary.uuid, summary]));
  }

  /** Joins what is known of each domain; those without figures get their state by a call that cannot block. */
  async #complete(
    control: Connection,
    domains: readonly Domain[],
    { outcomes, known, states }: Gathered,
    deadline: Deadline,
  ): Promise<DomainSample[]> {
    const samples = await mapInTurns(domains, async (domain): Promise<DomainSample | undefined> => {
      const outcome = outcomes.get(domain.uuid);
      const summary = known.get(domain.uuid);
      if (outcome === undefined || summary === undefined) return undefined;
      const marks = this.#marks?.of(domain);
      const extras = this.#extras.read(domain, {
        hasSnapshot: marks?.hasSnapshot === true,
        control: outcome.kind === 'unresponsive' ? this.#asker.controlOf(domain) : undefined,
      });
      const told =
        outcome.kind === 'fresh' && hasState(outcome)
          ? outcome.stats
          : await this.#summaries.state(control, domain, deadline.remainingMs);
      return {
        domain,
        summary: {
          ...summary,
          marks,
          state: told?.state ?? states.get(domain.uuid) ?? summary.state,
          reason: told?.reason,
          vcpus: (outcome.kind === 'fresh' ? outcome.stats.vcpuCurrent : undefined) ?? summary.vcpus,
          rssKiB:
            this.#residentMemory?.read(domain) ??
            (outcome.kind === 'fresh' ? outcome.stats.balloon.rssKiB : undefined),
        },
        facts: this.#facts.get(domain),
        extras,
        guest: this.#agents?.read(domain),
        outcome,
        lastFreshAtMs: this.#asker.lastFreshAtMs(domain),
      };
    });
    return samples.filter((sample) => sample !== undefined);
  }
}

function hasState(outcome: Outcome | undefined): boolean {
  return outcome?.kind === 'fresh' && outcome.stats.state !== undefined;
}

import type { HostFigures } from '../model/host.ts';
import { type AskedDomains, askKnown, completeDomains, type Known } from './completion.ts';
import { Deadline, inTime, timerMs } from './deadline.ts';
import { EventLoop } from './event-loop.ts';
import type { HostIdentity, HostSample, Outcome, SamplerHealth } from './host-sample.ts';
import { LimitUses } from './limit-uses.ts';
import { OvercommitTracker } from './overcommit-tracker.ts';
import { type SamplerOptions, type SamplerParts, samplerParts } from './parts.ts';

/** Share of a tick that is reserved for the work after asking, and its upper limit. */
const REST_SHARE = 0.2;
const REST_MAX_MS = 1_500;

/** How much longer a tick waits for calls about the host than for the VMs, if they are usually quick. */
const HOST_GRACE_MS = 100;

/** A tick in progress. */
interface Running {
  readonly deadlineMs: number;
  /** performance.now() */
  readonly startedMs: number;
  readonly startedAtMs: number;
  readonly sample: Promise<HostSample>;
  /** Set once the list of domains has arrived. */
  asked: AskedDomains | undefined;
}

/**
 * Samples one host. The list and the states use a dedicated connection and calls that stuck guests cannot block;
 * statistics are one call per domain, each with a separate deadline and a bounded number in flight. Calls about the
 * host as a whole run independently of ticks, over other connections.
 */
export class Sampler {
  readonly #parts: SamplerParts;
  readonly #overcommit = new OvercommitTracker();
  readonly #limitUses = new LimitUses();
  #domains: AskedDomains['domains'] = [];
  #running: Running | undefined;

  constructor(options: SamplerOptions) {
    this.#parts = samplerParts(options, {
      onOpen: () => this.#opened(),
      onMarks: () => this.#startSnapshots(),
    });
  }

  /** Of the host that the connection is open to, or was last. */
  get identity(): HostIdentity | undefined {
    return this.#parts.identity.known;
  }

  get health(): SamplerHealth {
    const { control, pool, hostConnections, liveness, agents, unknown, limits } = this.#parts;
    return {
      control: control.state,
      lastError: control.lastError,
      connections:
        pool.size +
        hostConnections.size +
        liveness.connections +
        (control.current === undefined ? 0 : 1) +
        (agents?.connections ?? 0),
      reconnects: control.reconnects + pool.lost + hostConnections.lost,
      stuckCalls:
        pool.stuckCalls + hostConnections.stuckCalls(limits.domainDeadlineMs) + (agents?.stuckCalls ?? 0),
      unknownStatistics: unknown.size,
    };
  }

  /** Resolves once the host can be asked; rejects with the reason if the current attempt fails. */
  async attempt(signal?: AbortSignal): Promise<void> {
    await this.#parts.control.attempt(signal);
  }

  /**
   * Takes one sample; concurrent callers share one. Rejects if the host itself cannot be asked; a domain that cannot be
   * asked is an outcome in the sample. `budgetMs` shortens the tick's deadline. A caller that joins a tick gets
   *
   * - what it has gathered so far, if it would outlast the caller's budget: domains that have not answered yet are late
   *   in that sample, and only this caller sees it;
   * - a new tick with the remaining time, if another caller had shortened the one it joined and domains, or facts from
   *   their XML, are missing.
   */
  async sample(budgetMs = Number.POSITIVE_INFINITY): Promise<HostSample> {
    const ownMs = Math.min(timerMs(budgetMs), this.#parts.limits.tickDeadlineMs);
    const endMs = performance.now() + ownMs;
    const joined = this.#running;
    if (joined === undefined) return this.#start(ownMs);
    if (joined.startedMs + joined.deadlineMs > endMs) {
      return (await inTime(joined.sample, ownMs - restMs(ownMs))) ?? this.#soFar(joined, endMs);
    }
    const sample = await joined.sample;
    const leftMs = endMs - performance.now();
    const { facts } = this.#parts;
    const isCut = sample.domains.some(
      ({ domain, outcome, facts: known }) =>
        outcome.kind === 'late' || (outcome.kind === 'fresh' && known === undefined && facts.isDue(domain)),
    );
    if (!isCut || leftMs < joined.deadlineMs) return sample;
    return this.#running?.sample ?? this.#start(leftMs);
  }

  /** Resolves once no sample is in progress. */
  async idle(): Promise<void> {
    while (this.#running !== undefined) await this.#running.sample.catch(() => undefined);
  }

  async close(): Promise<void> {
    const { control, pool, hostConnections, liveness, agents } = this.#parts;
    await Promise.all([control, pool, hostConnections, liveness, agents].map((part) => part?.close()));
  }

  #start(deadlineMs: number): Promise<HostSample> {
    const { promise: sample, resolve, reject } = Promise.withResolvers<HostSample>();
    const { clock, asker, liveness, crashes, processes } = this.#parts;
    const setByMs = clock.startTick();
    if (setByMs !== 0) for (const part of [asker, liveness, crashes, processes]) part?.clockSet(setByMs);
    const running: Running = {
      deadlineMs,
      startedMs: performance.now(),
      startedAtMs: clock.nowMs(),
      sample,
      asked: undefined,
    };
    this.#running = running;
    this.#tick(running)
      .finally(() => {
        this.#running = undefined;
      })
      .then(resolve, reject);
    return sample;
  }

  async #tick(running: Running): Promise<HostSample> {
    const { deadlineMs, startedMs } = running;
    const {
      limits,
      control: managed,
      pool,
      hostConnections,
      vcpuPlacement,
      processes,
      asker,
      background,
    } = this.#parts;
    const { autostartOnce, versions } = this.#parts;
    const whole = new Deadline(deadlineMs);
    const deadline = new Deadline(deadlineMs - restMs(deadlineMs));
    // Opening a connection takes several round trips: on a slow host they may use half of the time.
    const openMs = Math.min(Math.max(limits.domainDeadlineMs, deadlineMs / 2), deadlineMs);
    const control = await managed.attempt(AbortSignal.timeout(Math.round(openMs)));
    pool.startTick();
    const { domains } = await control.call(
      'connectListAllDomains',
      { needResults: 1, flags: 0 },
      { signal: deadline.signal },
    );
    this.#forgetAllBut(domains);
    vcpuPlacement?.startTick(domains);
    await processes?.look(domains);
    const driftRead = this.#parts.drift?.look(HOST_GRACE_MS);
    asker.startTick(control, domains);
    const asked: AskedDomains = { control, domains, outcomes: new Map() };
    running.asked = asked;
    this.#startHostReads();
    this.#parts.marks?.startTick(domains);
    this.#parts.host?.readLocal();
    await asker.askAll(domains, asked.outcomes, deadline, startedMs + deadlineMs / 2);
    // Only now: the first tick asks for the version along with the domains.
    autostartOnce?.startTick(domains, versions.known?.libvirt);
    const [known] = await Promise.all([
      askKnown(this.#parts, asked, whole),
      asker.lookAtLate(domains, asked.outcomes, whole),
    ]);
    await background.waitForAnswers({
      firstUntilMs: startedMs + Math.min(limits.domainDeadlineMs, deadlineMs / 2),
      untilMs: Math.min(performance.now() + HOST_GRACE_MS, startedMs + deadlineMs / 2),
    });
    this.#parts.local.startTick(domains, this.#hostFigures()?.topology);
    const mapsUntilMs = performance.now() + HOST_GRACE_MS;
    await background.waitForAnswers({
      firstUntilMs: mapsUntilMs + Math.min(limits.domainDeadlineMs, deadlineMs / 8),
      untilMs: mapsUntilMs,
    });
    this.#parts.agents?.startTick(
      domains,
      (domain) => this.#parts.facts.get(domain),
      this.#parts.versions.known?.libvirt,
    );
    await driftRead;
    const sample = await this.#complete(running, asked, known, whole);
    const eventLoop = new EventLoop();
    await eventLoop.yield();
    pool.shrink();
    hostConnections.shrink();
    // The connection was lost in between: the figures would say more about the loss than about the domains.
    if (control.closed !== undefined) throw control.closed;
    const limited = this.#limitUses.complete(sample.domains, this.#parts.clock.aheadMs);
    await eventLoop.yield();
    const durationMs = performance.now() - startedMs;
    return this.#overcommit.complete({ ...sample, domains: limited, durationMs });
  }

  /** What a tick has gathered, for a caller that cannot wait for its end. The next tick is not compared with it. */
  async #soFar(running: Running, endMs: number): Promise<HostSample> {
    if (running.asked === undefined) return running.sample;
    const { control, domains } = running.asked;
    const outcomes = new Map<string, Outcome>(running.asked.outcomes);
    for (const { uuid } of domains) if (!outcomes.has(uuid)) outcomes.set(uuid, { kind: 'late' });
    const asked: AskedDomains = { control, domains, outcomes };
    const deadline = new Deadline(endMs - performance.now());
    const known = await askKnown(this.#parts, asked, deadline);
    const sample = await this.#complete(running, asked, known, deadline);
    return this.#overcommit.preview({
      ...sample,
      domains: this.#limitUses.preview(sample.domains, this.#parts.clock.aheadMs),
      durationMs: performance.now() - running.startedMs,
    });
  }

  async #complete(
    { startedAtMs }: Running,
    asked: AskedDomains,
    known: Known,
    deadline: Deadline,
  ): Promise<Omit<HostSample, 'durationMs'>> {
    const { crashes } = this.#parts;
    const local = await this.#parts.local.read(asked.domains, deadline);
    const domains = await completeDomains(this.#parts, asked, known, local, deadline);
    crashes.update(domains, startedAtMs);
    return {
      startedAtMs,
      aheadMs: this.#parts.clock.aheadMs,
      domains,
      crashes: crashes.all,
      versions: this.#parts.versions.known,
      identity: this.#parts.identity.known,
      host: this.#hostFigures(),
    };
  }

  #opened(): void {
    const { facts, background, host, capabilities, identity, autostartOnce } = this.#parts;
    for (const part of [background, host, capabilities, identity, autostartOnce]) part?.forget();
    facts.clear();
    this.#startHostReads();
  }

  /** Starts the calls about the host that are due, without waiting for them. */
  #startHostReads(): void {
    const { versions, host, capabilities, identity } = this.#parts;
    versions.startTick();
    if (host !== undefined) capabilities.startTick();
    identity.startTick();
    host?.startTick();
    this.#startSnapshots();
  }

  #startSnapshots(): void {
    const { extras, marks } = this.#parts;
    extras.startSnapshots(this.#domains.filter((domain) => marks?.of(domain)?.hasSnapshot === true));
  }

  #hostFigures(): HostFigures | undefined {
    const { host, versions, identity, marks } = this.#parts;
    const figures = host?.figures();
    if (figures === undefined) return undefined;
    const parts = new Map(figures.parts);
    parts.set('versions', versions.status);
    parts.set('identity', identity.status);
    if (marks !== undefined) parts.set('marks', marks.status);
    return { ...figures, parts };
  }

  #forgetAllBut(domains: AskedDomains['domains']): void {
    const { facts, guestMemory, summaries, extras } = this.#parts;
    this.#domains = domains;
    const known = new Set(domains.map((domain) => domain.uuid));
    facts.keepOnly(known);
    guestMemory.keepOnly(known);
    summaries.keepOnly(known);
    extras.startTick(known);
  }
}

/** The part of a tick's time that is reserved for completing its sample. */
function restMs(ms: number): number {
  return Math.min(ms * REST_SHARE, REST_MAX_MS);
}

import { setTimeout as sleep } from 'node:timers/promises';
import type { Connection } from '../libvirt/client/connection.ts';
import { DomainState, ErrorCode, PausedReason } from '../libvirt/constants.ts';
import { CallAbandonedError, isRemoteError } from '../libvirt/errors.ts';
import type { Domain } from '../libvirt/wire/types.ts';
import type { ControlFigures } from '../model/extras.ts';
import { CLOCK_SLACK_MS, type Deadline } from './deadline.ts';
import type { Processes } from './local/processes.ts';
import { readProcFile } from './proc-file.ts';

const CONTROL_STATES = ['ok', 'job', 'occupied', 'error'] as const;

/** virDomainControlErrorReason: libvirt gave up on the monitor. */
const MONITOR_FAILED = 2;

/** First pause between checks of an occupied monitor; doubled each time. */
const FIRST_LOOK_MS = 50;

/** How often a tick that waits for a probe checks it. */
const PROBE_LOOK_MS = 100;

/** Probes in flight; each holds one of libvirtd's 20 workers and one of its connection's four places. */
const PROBES_MAX = 4;

/** Bounds the time for opening the probes' connection. */
const PROBE_OPEN_MS = 30_000;

/** Pauses during which libvirt blocks queries for as long as the operation takes: that is not a hang. */
const BLOCKING_PAUSES: ReadonlySet<number> = new Set([
  PausedReason.migration,
  PausedReason.save,
  PausedReason.dump,
  PausedReason.fromSnapshot,
  PausedReason.snapshot,
  PausedReason.startingUp,
]);

export interface LivenessOptions {
  /** Opens a connection for probes. */
  readonly open: (signal: AbortSignal) => Promise<Connection>;
  /** A monitor command that takes longer than this is a hang. */
  readonly hungAfterMs: number;
  /** A call that waits for the VM and is unanswered for this long shows a hang; libvirt itself gives up after 30 s. */
  readonly probeLimitMs: number;
  /** Absent when virtune does not run on the host. */
  readonly procRoot: string | undefined;
  readonly processes: Pick<Processes, 'pidOf'> | undefined;
  /** Wall clock, ms since 1970. */
  readonly nowMs: () => number;
}

/** `sinceMs`: wall clock; when the monitor stopped answering, as far back as known. Undefined: no evidence. */
export interface Verdict {
  readonly sinceMs: number | undefined;
  readonly control: ControlFigures | undefined;
}

interface Probe {
  sentAtMs: number;
  readonly sentMs: number;
  /** libvirt could not acquire the VM's job within its own 30 s. */
  timedOut: boolean;
  /** Its call has not returned. */
  isPending: boolean;
}

/**
 * Determines whether a VM's QEMU hangs. A held job cannot hide that: domainGetControlInfo needs none, is served by
 * workers that libvirtd reserves (it is a priority call), and reports how long a monitor command of any client has been
 * pending (qemuDomainGetControlInfo). During a migration, save or backup it reports that job instead; then, if virtune
 * runs on the host, the process state under /proc decides, and a probe: a call that waits for the VM, one per such VM,
 * over a dedicated connection.
 */
export class Liveness {
  readonly #options: LivenessOptions;
  readonly #probes = new Map<string, Probe>();
  readonly #stoppedSinceMs = new Map<string, number>();
  #tickMs = Number.NEGATIVE_INFINITY;
  /** Whether ticks are so rare that this one has to wait for a probe's verdict. */
  #isWaiting = true;
  #connection: Connection | undefined;
  #opening: Promise<Connection> | undefined;
  #isClosed = false;

  constructor(options: LivenessOptions) {
    this.#options = options;
  }

  /** Connections open for probes. */
  get connections(): number {
    return this.#connection === undefined ? 0 : 1;
  }

  startTick(uuids: ReadonlySet<string>): void {
    const steadyMs = performance.now();
    this.#isWaiting = steadyMs - this.#tickMs > this.#options.probeLimitMs;
    this.#tickMs = steadyMs;
    for (const known of [this.#probes, this.#stoppedSinceMs]) {
      for (const uuid of known.keys()) if (!uuids.has(uuid)) known.delete(uuid);
    }
  }

  /** The wall clock was set: what is remembered moves with it. */
  clockSet(byMs: number): void {
    for (const probe of this.#probes.values()) probe.sentAtMs += byMs;
    for (const [uuid, sinceMs] of this.#stoppedSinceMs) this.#stoppedSinceMs.set(uuid, sinceMs + byMs);
  }

  /** The VM answered: discards the evidence of a hang. */
  answered({ uuid }: Domain): void {
    this.#stoppedSinceMs.delete(uuid);
    if (this.#probes.get(uuid)?.isPending !== true) this.#probes.delete(uuid);
  }

  /** Whether its QEMU hangs, without waiting for it: checks now, and again until the result is certain. */
  async look(control: Connection, domain: Domain, deadline: Deadline): Promise<Verdict> {
    let before: number | undefined;
    let pauseMs = FIRST_LOOK_MS;
    for (;;) {
      let info = await this.#info(control, domain, deadline);
      const stoppedSinceMs = this.#stopped(domain);
      // The process state shows a hang, but only libvirt knows for how long: worth a retry on a busy host.
      if (info === undefined && stoppedSinceMs !== undefined)
        info = await this.#info(control, domain, deadline);
      const figures = info?.figures;
      if (info?.isMonitorLost === true || (stoppedSinceMs !== undefined && figures?.state !== 'occupied')) {
        return { sinceMs: stoppedSinceMs ?? this.#options.nowMs(), control: figures };
      }
      if (figures?.state !== 'occupied') return { sinceMs: undefined, control: figures };
      const { sinceMs: occupiedMs } = figures;
      if (occupiedMs >= this.#options.hungAfterMs - CLOCK_SLACK_MS) {
        return { sinceMs: this.#options.nowMs() - occupiedMs, control: figures };
      }
      // A newer command than before, so QEMU answers.
      if (before !== undefined && occupiedMs < before) return { sinceMs: undefined, control: figures };
      before = occupiedMs;
      const waitMs = Math.min(pauseMs, this.#options.hungAfterMs - occupiedMs);
      if (deadline.remainingMs <= waitMs) return { sinceMs: undefined, control: figures };
      await sleep(waitMs);
      pauseMs *= 2;
    }
  }

  /**
   * The same for a VM whose QEMU libvirt could not ask, because another client holds the VM's job. If libvirt's link is
   * inconclusive, a probe is sent, which waits. Its verdict counts in a later tick; if ticks are rare, this one waits
   * for it.
   */
  async lookAtBusy(
    control: Connection,
    domain: Domain,
    { state, reason }: { readonly state?: number | undefined; readonly reason?: number | undefined },
    deadline: Deadline,
  ): Promise<Verdict> {
    const seen = await this.look(control, domain, deadline);
    if (seen.sinceMs !== undefined || (seen.control !== undefined && seen.control.state !== 'job'))
      return seen;
    if (state === DomainState.paused && reason !== undefined && BLOCKING_PAUSES.has(reason)) return seen;
    let sinceMs = this.#probed(domain);
    while (sinceMs === undefined && this.#isWaiting && this.#isProbed(domain)) {
      if (deadline.remainingMs <= PROBE_LOOK_MS) break;
      await sleep(PROBE_LOOK_MS);
      sinceMs = this.#verdict(domain);
    }
    return { ...seen, sinceMs };
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#connection?.close();
  }

  async #info(
    control: Connection,
    domain: Domain,
    deadline: Deadline,
  ): Promise<{ readonly figures: ControlFigures; readonly isMonitorLost: boolean } | undefined> {
    try {
      const { state, details, stateTimeMs } = await control.call(
        'domainGetControlInfo',
        { domain, flags: 0 },
        { timeoutMs: Math.min(this.#options.hungAfterMs, deadline.remainingMs) },
      );
      const figures = { state: CONTROL_STATES[state] ?? ('error' as const), sinceMs: Number(stateTimeMs) };
      return { figures, isMonitorLost: figures.state === 'error' && details === MONITOR_FAILED };
    } catch {
      return undefined;
    }
  }

  /** Since when its process was seen stopped, by a signal or a debugger (proc_pid_stat(5)). */
  #stopped(domain: Domain): number | undefined {
    const { procRoot, processes, nowMs } = this.#options;
    const pid = processes?.pidOf(domain);
    const stat = pid === undefined ? undefined : readProcFile(`${procRoot}/${pid}/stat`);
    if (stat === undefined || !/^[Tt]$/.test(stat.slice(stat.lastIndexOf(')') + 2)[0] ?? '')) {
      this.#stoppedSinceMs.delete(domain.uuid);
      return undefined;
    }
    const sinceMs = this.#stoppedSinceMs.get(domain.uuid) ?? nowMs();
    this.#stoppedSinceMs.set(domain.uuid, sinceMs);
    return sinceMs;
  }

  #isProbed({ uuid }: Domain): boolean {
    return this.#probes.get(uuid)?.isPending === true;
  }

  /** When the probe was sent, if it has been unanswered for too long. */
  #verdict({ uuid }: Domain): number | undefined {
    const probe = this.#probes.get(uuid);
    const limitMs = this.#options.probeLimitMs;
    const isHung = probe !== undefined && (probe.timedOut || performance.now() - probe.sentMs >= limitMs);
    return isHung ? probe.sentAtMs : undefined;
  }

  /** The same; sends a probe if none is in flight. */
  #probed(domain: Domain): number | undefined {
    const sinceMs = this.#verdict(domain);
    if (!this.#isProbed(domain)) {
      this.#send(domain, sinceMs === undefined ? undefined : this.#probes.get(domain.uuid));
    }
    return sinceMs;
  }

  /** `earlier`: a probe that timed out; the VM has hung since then. */
  #send(domain: Domain, earlier: Probe | undefined): void {
    const pending = [...this.#probes.values()].filter(({ isPending }) => isPending).length;
    if (pending >= PROBES_MAX || this.#isClosed) return;
    const probe: Probe = {
      sentAtMs: earlier?.sentAtMs ?? this.#options.nowMs(),
      sentMs: earlier?.sentMs ?? performance.now(),
      timedOut: earlier?.timedOut === true,
      isPending: true,
    };
    this.#probes.set(domain.uuid, probe);
    void this.#probe(domain)
      .then(
        () => this.#probes.delete(domain.uuid),
        async (error: unknown) => {
          if (error instanceof CallAbandonedError) await error.finished;
          if (isRemoteError(error, ErrorCode.operationTimeout)) probe.timedOut = true;
          // Refused, no longer running, or no connection: says nothing about the VM.
          else this.#probes.delete(domain.uuid);
        },
      )
      .finally(() => {
        probe.isPending = false;
      });
  }

  /** Waits for the job and, with a balloon, the monitor (qemuDomainMemoryStats); a call with NOWAIT would not. */
  async #probe(domain: Domain): Promise<void> {
    const connection = await this.#connect();
    await connection.call('domainMemoryStats', { domain, maxStats: 1, flags: 0 });
  }

  #connect(): Promise<Connection> {
    if (this.#connection?.closed !== undefined) this.#connection = undefined;
    if (this.#connection !== undefined) return Promise.resolve(this.#connection);
    this.#opening ??= this.#options
      .open(AbortSignal.timeout(PROBE_OPEN_MS))
      .then(async (connection) => {
        if (this.#isClosed) await connection.close();
        else this.#connection = connection;
        return connection;
      })
      .finally(() => {
        this.#opening = undefined;
      });
    return this.#opening;
  }
}

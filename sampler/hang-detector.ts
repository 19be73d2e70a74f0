import type { Connection } from '../libvirt/client/connection.ts';
import type { Domain } from '../libvirt/wire/types.ts';
import type { MonitorState } from '../model/monitor.ts';
import type { DomainStats } from '../model/stats/types.ts';
import { CLOCK_SLACK_MS, type Deadline } from './deadline.ts';
import type { DomainMemories, DomainMemory, PendingCall } from './domain-memory.ts';
import type { Outcome } from './host-sample.ts';
import type { Liveness, Verdict } from './liveness.ts';

export interface HangDetectorOptions {
  readonly domainDeadlineMs: number;
  /** Wall clock, ms since 1970. */
  readonly nowMs: () => number;
  readonly memories: DomainMemories;
  readonly liveness: Liveness;
  /** Whether libvirtd has answered a statistics call that was sent after this moment (performance.now()). */
  readonly hasAnsweredSince: (sentMs: number) => boolean;
}

/**
 * Decides which domains hang, from all evidence: libvirt's link to QEMU and the process's state (`Liveness`), and a
 * call past its deadline while libvirtd answers later ones.
 */
export class HangDetector {
  readonly #options: HangDetectorOptions;
  #control: Connection | undefined;

  constructor(options: HangDetectorOptions) {
    this.#options = options;
  }

  startTick(control: Connection, uuids: ReadonlySet<string>): void {
    this.#control = control;
    this.#options.liveness.startTick(uuids);
  }

  async look(domain: Domain, deadline: Deadline): Promise<Verdict | undefined> {
    if (this.#control === undefined || domain.id === -1) return undefined;
    const verdict = await this.#options.liveness.look(this.#control, domain, deadline);
    this.#options.memories.of(domain).control = verdict.control;
    return verdict;
  }

  /** Checks a domain that did not answer the last time; undefined if it can be asked. */
  async lookAgain(domain: Domain, deadline: Deadline): Promise<Outcome | undefined> {
    const memory = this.#options.memories.of(domain);
    const verdict = await this.look(domain, deadline);
    if (verdict?.sinceMs !== undefined) return this.hung(memory, verdict.sinceMs);
    const { pending } = memory;
    if (pending === undefined) return undefined;
    return memory.hungSinceMs !== undefined || this.isIgnored(pending)
      ? this.hung(memory, pending.sinceMs)
      : { kind: 'late' };
  }

  /** Checks a domain that answered: its outcome if it hangs behind another client's job, else undefined. */
  async judgeReply(
    domain: Domain,
    stats: DomainStats,
    monitor: MonitorState,
    deadline: Deadline,
  ): Promise<Outcome | undefined> {
    const { liveness, memories } = this.#options;
    if (monitor === 'answered' || this.#control === undefined) {
      liveness.answered(domain);
      return undefined;
    }
    if (monitor === 'unknown') {
      const verdict = await this.look(domain, deadline);
      return verdict?.sinceMs === undefined ? undefined : this.hung(memories.of(domain), verdict.sinceMs);
    }
    const verdict = await liveness.lookAtBusy(this.#control, domain, stats, deadline);
    const memory = memories.of(domain);
    memory.control = verdict.control;
    return verdict.sinceMs === undefined ? undefined : this.hung(memory, verdict.sinceMs);
  }

  /** Keeps the first `sinceMs` (wall clock): clocks and checks differ by some ms. */
  hung(memory: DomainMemory, sinceMs: number | undefined): Outcome {
    memory.suspect = true;
    memory.hungSinceMs ??= sinceMs ?? this.#options.nowMs();
    return { kind: 'unresponsive', sinceMs: memory.hungSinceMs };
  }

  /** Whether a call is past its deadline, and libvirtd has answered one that was sent after it. */
  isIgnored({ sentMs }: PendingCall): boolean {
    const { domainDeadlineMs, hasAnsweredSince } = this.#options;
    return performance.now() - sentMs >= domainDeadlineMs - CLOCK_SLACK_MS && hasAnsweredSince(sentMs);
  }
}

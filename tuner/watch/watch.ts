import type { EventName } from '../../libvirt/events.ts';

/** After these a domain may have lost what is not in its definition: polling, pins after a migration or restore. */
export const REAPPLY_EVENTS = [
  'lifecycle',
  'reboot',
  'tunable',
  'deviceAdded',
  'metadataChange',
] as const satisfies readonly EventName[];

export interface WatchOptions {
  /**
   * Checks everything that is tuned and restores what can be restored; must not reject. Resolves with in how many ms to
   * look again, if that is earlier than the next event or interval.
   */
  readonly look: () => Promise<number | undefined>;
  /** Events come in bursts, and a domain that was just started is still being set up. */
  readonly settleMs: number;
  /** Looks without any event too: some changes send none (a balloon's stats period). */
  readonly intervalMs: number;
}

/** Bounds the wait where events never pause, on a host whose VMs come and go: at most this many settling times. */
const SETTLES_MAX = 5;

/** Looks after events and at intervals, never twice at once; events during a look cause another one. */
export class Watch {
  readonly #options: WatchOptions;
  #timer: NodeJS.Timeout | undefined;
  #looking: Promise<void> | undefined;
  #again = false;
  #closed = false;
  /** When the look after an event is due at the latest. */
  #dueMs: number | undefined;

  constructor(options: WatchOptions) {
    this.#options = options;
  }

  /** Called for each event. */
  nudge(): void {
    const { settleMs } = this.#options;
    const nowMs = performance.now();
    this.#dueMs ??= nowMs + SETTLES_MAX * settleMs;
    this.#schedule(Math.max(0, Math.min(settleMs, this.#dueMs - nowMs)));
  }

  /** Looks now, not at the scheduled time. */
  async look(): Promise<void> {
    clearTimeout(this.#timer);
    if (this.#looking !== undefined) {
      this.#again = true;
      return this.#looking;
    }
    this.#dueMs = undefined;
    const { settleMs, intervalMs } = this.#options;
    const look = this.#options.look();
    this.#looking = look.then(() => undefined);
    const soonMs = await look;
    this.#looking = undefined;
    this.#schedule(Math.min(this.#again ? settleMs : intervalMs, soonMs ?? intervalMs));
    this.#again = false;
  }

  /** Waits for a look in progress. */
  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#timer);
    await this.#looking;
  }

  #schedule(inMs: number): void {
    if (this.#closed) return;
    if (this.#looking !== undefined) {
      this.#again = true;
      return;
    }
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.look(), inMs);
  }
}

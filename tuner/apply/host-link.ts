import { setTimeout as sleep } from 'node:timers/promises';
import type { CallArgs, CallName, CallResult } from '../../libvirt/calls/all.ts';
import { RemoteError } from '../../libvirt/errors.ts';
import type { TunerConnection } from '../connection.ts';
import { TunerError } from '../errors.ts';
import type { Reader } from '../facts/facts.ts';
import type { Trace } from '../journal/journal.ts';
import type { HostLease } from '../lock/held-lease.ts';
import type { CallWait, LocalRoots, RestartLimits, SavedDomain, StepHost } from '../steps/step-host.ts';

/** No change to a running guest takes longer, unless its monitor is stuck. */
const DEFAULT_CALL_TIMEOUT_MS = 60_000;
const RETRY_EVERY_MS = 500;
/** How long to retry what libvirt refuses. */
const RETRY_FOR_MS = 10_000;

export interface HostLinkOptions {
  readonly open: () => Promise<TunerConnection>;
  readonly local: LocalRoots | undefined;
  readonly restart: RestartLimits;
  /** During an undo: how long to wait for libvirt to come back. */
  readonly reconnectMs: number;
  /** How long one call may take; absent: 60 s. */
  readonly callTimeoutMs?: number | undefined;
  /** The lease on the host; absent for read-only work. */
  readonly lease?: HostLease | undefined;
  readonly signal: AbortSignal | undefined;
  readonly trace: Trace;
  readonly say: (text: string) => void;
  readonly saved: (uuid: string) => SavedDomain | undefined;
}

/**
 * The connection through which steps reach a host. Going forward, a lost connection or a signal ends the run; an undo
 * ends only when libvirt stays away.
 */
export class HostLink implements StepHost {
  readonly local: LocalRoots | undefined;
  readonly restart: RestartLimits;
  readonly shutdowns = new Map<string, 'asked' | 'deaf'>();
  readonly failedStarts = new Set<string>();
  readonly saved: (uuid: string) => SavedDomain | undefined;
  readonly say: (text: string) => void;
  readonly #options: HostLinkOptions;
  #connection: TunerConnection | undefined;
  #direction: 'forward' | 'back' = 'forward';
  #away: Error | undefined;
  #retryEndMs: number | undefined;

  constructor(options: HostLinkOptions) {
    this.#options = options;
    this.local = options.local;
    this.restart = options.restart;
    this.saved = options.saved;
    this.say = options.say;
  }

  async open(): Promise<void> {
    this.#connection = await this.#options.open();
  }

  async close(): Promise<void> {
    await this.#connection?.close();
  }

  /** Reads facts of the host, without the passwords in definitions. */
  get reader(): Reader {
    return { readOnly: true, call: this.call.bind(this) };
  }

  /** Whether libvirt went away and did not come back within `reconnectMs`. */
  get isAway(): boolean {
    return this.#away !== undefined;
  }

  /** Whether a refused call may be retried: for a while after the first refusal, and after each reconnect. */
  mayRetry(): boolean {
    this.#retryEndMs ??= this.nowMs() + RETRY_FOR_MS;
    return this.nowMs() < this.#retryEndMs;
  }

  /**
   * Retries while libvirt refuses: after a restart it refuses many calls until it has found its guests again, and it
   * may not know yet that a QEMU process has just died.
   */
  async retryRefused<T>(action: () => Promise<T>): Promise<T> {
    for (;;) {
      try {
        return await action();
      } catch (error) {
        if (!(error instanceof RemoteError) || !this.mayRetry()) throw error;
        await this.wait(RETRY_EVERY_MS);
      }
    }
  }

  /** From here on the link is used for an undo. */
  async startUndo(): Promise<void> {
    this.#direction = 'back';
    await this.#options.lease?.regain();
  }

  /** @throws TunerError TUNE_LOCKED, unless undoing, when this run no longer holds the host. */
  async checkLease(): Promise<void> {
    if (this.#direction === 'forward') await this.#options.lease?.check();
  }

  /** @throws TunerError TUNE_STOPPED, unless undoing, after a signal. */
  throwIfStopped(): void {
    if (this.#direction === 'back' || this.#options.signal?.aborted !== true) return;
    throw new TunerError('TUNE_STOPPED', 'interrupted by a signal');
  }

  nowMs(): number {
    return performance.now();
  }

  async wait(ms: number): Promise<void> {
    const signal = this.#direction === 'back' ? undefined : this.#options.signal;
    await sleep(ms, undefined, { signal }).catch(() => this.throwIfStopped());
  }

  async call<N extends CallName>(name: N, args: CallArgs<N>, options?: CallWait): Promise<CallResult<N>> {
    const { trace } = this.#options;
    await trace({ when: 'before', what: name });
    const result = await this.#send(
      name,
      args,
      options ?? { timeoutMs: this.#options.callTimeoutMs ?? DEFAULT_CALL_TIMEOUT_MS },
    );
    await trace({ when: 'after', what: name });
    return result;
  }

  async #send<N extends CallName>(name: N, args: CallArgs<N>, options: CallWait): Promise<CallResult<N>> {
    for (;;) {
      const connection = this.#direction === 'forward' ? this.#connection : await this.#connected();
      if (connection === undefined) throw new Error('the connection to libvirt was not opened');
      try {
        return await connection.call(name, args, options);
      } catch (error) {
        // An undo sends the call again: setting a value twice is idempotent.
        if (connection.closed === undefined || this.#direction === 'forward') throw error;
      }
    }
  }

  /** The connection, or a new one once libvirt is back. After one wait without success, it never tries again. */
  async #connected(): Promise<TunerConnection> {
    if (this.#connection !== undefined && this.#connection.closed === undefined) return this.#connection;
    if (this.#away !== undefined) throw this.#away;
    const endMs = this.nowMs() + this.#options.reconnectMs;
    this.say('the connection to libvirt is lost; reconnecting');
    for (;;) {
      try {
        this.#connection = await this.#options.open();
        this.#retryEndMs = undefined;
        return this.#connection;
      } catch (error) {
        if (this.nowMs() >= endMs) {
          this.#away = error as Error;
          throw error;
        }
        await sleep(Math.min(RETRY_EVERY_MS, Math.max(1, endMs - this.nowMs())));
      }
    }
  }
}

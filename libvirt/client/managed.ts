import { ErrorCode } from '../constants.ts';
import { ClosedError, isRemoteError } from '../errors.ts';
import { type EventName, isOfNewerLibvirt } from '../events.ts';
import type { Connection } from './connection.ts';
import type { EventListener } from './event-hub.ts';

export type ManagedState =
  | { readonly kind: 'connecting'; readonly attempt: number }
  | { readonly kind: 'open'; readonly sinceMs: number }
  | { readonly kind: 'waiting'; readonly attempt: number; readonly retryInMs: number; readonly error: Error }
  | { readonly kind: 'closed' };

export interface Backoff {
  readonly firstMs: number;
  readonly maxMs: number;
  readonly factor: number;
}

/** The longest delay stays below 5 s, so that we reconnect within 5 s of a daemon's return. */
const BACKOFF: Backoff = { firstMs: 200, maxMs: 4_000, factor: 2 };

export interface ManagedOptions {
  readonly open: (signal: AbortSignal) => Promise<Connection>;
  readonly backoff?: Backoff | undefined;
  /** 0 to 1; for the jitter. */
  readonly random?: (() => number) | undefined;
  readonly onState?: ((state: ManagedState) => void) | undefined;
  /**
   * Runs on each new connection, once its events are registered and before it is handed out; if it rejects, the
   * connection is closed and retried.
   */
  readonly onOpen?: ((connection: Connection) => Promise<void>) | undefined;
}

/** Delay after a failed attempt (counted from 1): exponential, with its upper half randomized. */
export function backoffMs({ firstMs, maxMs, factor }: Backoff, attempt: number, random: number): number {
  const full = Math.min(maxMs, firstMs * factor ** (attempt - 1));
  return Math.round(full / 2 + (full / 2) * random);
}

interface Subscription {
  readonly name: EventName;
  readonly listener: EventListener<EventName>;
}

interface Waiter {
  readonly patience: 'patient' | 'impatient';
  resolve(connection: Connection): void;
  reject(error: Error): void;
}

/** A connection that is reopened with backoff and jitter, and registers its events again. */
export class ManagedConnection {
  readonly #options: ManagedOptions;
  readonly #subscriptions: Subscription[] = [];
  readonly #abort = new AbortController();
  #state: ManagedState = { kind: 'connecting', attempt: 1 };
  #connection: Connection | undefined;
  #lastError: Error | undefined;
  #reconnects = 0;
  #wake: (() => void) | undefined;
  #waiters: Waiter[] = [];
  readonly #running: Promise<void>;

  constructor(options: ManagedOptions) {
    this.#options = options;
    // In a separate microtask, so that subscriptions made right after construction are in the first round.
    this.#running = Promise.resolve().then(() => this.#run());
  }

  get state(): ManagedState {
    return this.#state;
  }

  /** Successful opens after the first. */
  get reconnects(): number {
    return this.#reconnects;
  }

  get lastError(): Error | undefined {
    return this.#lastError;
  }

  /** The open connection, or undefined while there is none. */
  get current(): Connection | undefined {
    return this.#connection;
  }

  /**
   * Waits for an open connection, through as many attempts as it takes; if `signal` fires first, rejects with the
   * last failure.
   */
  ready(signal?: AbortSignal): Promise<Connection> {
    return this.#wait('patient', signal);
  }

  /** The open connection, or that of an immediate attempt; rejects if that attempt fails. */
  attempt(signal?: AbortSignal): Promise<Connection> {
    this.#wake?.();
    return this.#wait('impatient', signal);
  }

  #wait(patience: Waiter['patience'], signal: AbortSignal | undefined): Promise<Connection> {
    if (this.#connection !== undefined) return Promise.resolve(this.#connection);
    if (this.#state.kind === 'closed')
      return Promise.reject(new ClosedError('this connection was closed by this client'));
    return new Promise((resolve, reject) => {
      const onAbort = (): void => {
        this.#waiters = this.#waiters.filter((each) => each !== waiter);
        reject(
          this.#lastError ?? new ClosedError('the daemon has not answered yet', { cause: signal?.reason }),
        );
      };
      const done = (): void => signal?.removeEventListener('abort', onAbort);
      const waiter: Waiter = {
        patience,
        resolve: (connection) => {
          done();
          resolve(connection);
        },
        reject: (error) => {
          done();
          reject(error);
        },
      };
      this.#waiters.push(waiter);
      if (signal?.aborted === true) onAbort();
      else signal?.addEventListener('abort', onAbort, { once: true });
    });
  }

  /**
   * Subscribes on every connection; an event that an older daemon does not know never arrives. Call it before the
   * first await after construction.
   */
  on<N extends EventName>(name: N, listener: EventListener<N>): void {
    this.#subscriptions.push({ name, listener: listener as EventListener<EventName> });
  }

  async close(): Promise<void> {
    if (this.#state.kind === 'closed') return;
    const connection = this.#connection;
    this.#connection = undefined;
    this.#setState({ kind: 'closed' });
    this.#abort.abort(new ClosedError('closed by this client'));
    this.#wake?.();
    this.#rejectWaiters(new ClosedError('this connection was closed by this client'), () => true);
    await connection?.close();
    await this.#running;
  }

  async #run(): Promise<void> {
    let opened = false;
    for (let attempt = 1; !this.#abort.signal.aborted; attempt++) {
      this.#setState({ kind: 'connecting', attempt });
      try {
        const connection = await this.#openOne();
        if (this.#abort.signal.aborted) return connection.close();
        if (opened) this.#reconnects++;
        opened = true;
        attempt = 0;
        this.#lastError = await this.#stayWith(connection);
      } catch (error) {
        this.#lastError = error as Error;
        this.#rejectWaiters(error as Error, (waiter) => waiter.patience === 'impatient');
      }
      if (this.#abort.signal.aborted) return;
      await this.#pause(Math.max(1, attempt));
    }
  }

  async #openOne(): Promise<Connection> {
    const { signal } = this.#abort;
    const connection = await this.#options.open(signal);
    try {
      for (const subscription of this.#subscriptions) await listen(connection, subscription, signal);
      await this.#options.onOpen?.(connection);
      if (connection.closed !== undefined) throw connection.closed;
      return connection;
    } catch (error) {
      await connection.close();
      throw error;
    }
  }

  /** Resolves with the reason when the connection closes. */
  #stayWith(connection: Connection): Promise<Error> {
    return new Promise((resolve) => {
      connection.onClose((reason) => {
        this.#connection = undefined;
        resolve(reason);
      });
      this.#connection = connection;
      this.#setState({ kind: 'open', sinceMs: Date.now() });
      for (const waiter of this.#waiters.splice(0)) waiter.resolve(connection);
    });
  }

  async #pause(attempt: number): Promise<void> {
    const { backoff = BACKOFF, random = Math.random } = this.#options;
    const retryInMs = backoffMs(backoff, attempt, random());
    const error = this.#lastError ?? new ClosedError('closed');
    this.#setState({ kind: 'waiting', attempt, retryInMs, error });
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, retryInMs);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
    this.#wake = undefined;
  }

  #rejectWaiters(error: Error, which: (waiter: Waiter) => boolean): void {
    const rejected = this.#waiters.filter(which);
    this.#waiters = this.#waiters.filter((waiter) => !which(waiter));
    for (const waiter of rejected) waiter.reject(error);
  }

  #setState(state: ManagedState): void {
    if (this.#state.kind === 'closed') return;
    this.#state = state;
    this.#options.onState?.(state);
  }
}

/** libvirt, remoteDispatchConnectDomainEventCallbackRegisterAny; error 1 alone can be any internal error. */
const UNKNOWN_EVENT = /unsupported event ID/;

async function listen(
  connection: Connection,
  { name, listener }: Subscription,
  signal: AbortSignal,
): Promise<void> {
  try {
    await connection.on(name, listener, { signal });
  } catch (error) {
    const isUnknown = isRemoteError(error, ErrorCode.internal) && UNKNOWN_EVENT.test(error.message);
    if (!isOfNewerLibvirt(name) || !isUnknown) throw error;
  }
}

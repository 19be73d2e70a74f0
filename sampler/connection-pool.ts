import type { CallArgs, CallName, CallResult } from '../libvirt/calls/all.ts';
import type { Connection } from '../libvirt/client/connection.ts';
import { MAX_IN_FLIGHT } from '../libvirt/client/rpc-channel.ts';
import { RemoteError } from '../libvirt/errors.ts';
import { VirtuneError } from '../model/virtune-error.ts';
import type { Deadline } from './deadline.ts';

export interface PoolOptions {
  readonly open: (signal: AbortSignal) => Promise<Connection>;
  /** Kept open between ticks. */
  readonly base: number;
  /**
   * Upper limit, reached when calls that never return occupy places. libvirtd has 20 ordinary workers (max_workers);
   * five connections of four places can occupy them all, so more would gain nothing.
   */
  readonly max: number;
}

const PAUSE_MS = 20;

/** Opening outlives the tick that started it: on a slow host it takes longer than a tick. */
const OPEN_MS = 30_000;

const pause = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, PAUSE_MS));

class NoPlaceError extends VirtuneError {
  override readonly name = 'NoPlaceError';
  constructor(message: string, options?: ErrorOptions) {
    super('SAMPLER_NO_PLACE', message, options);
  }
}

/** The connections for calls that a stuck guest can block. */
export class ConnectionPool {
  readonly #options: PoolOptions;
  #connections: Connection[] = [];
  readonly #opening = new Set<Promise<Connection>>();
  /** When the newest statistics call that libvirtd has answered was sent, on the monotonic clock. */
  #answeredSentMs = Number.NEGATIVE_INFINITY;
  #lost = 0;
  #openError: Error | undefined;
  #closed = false;

  constructor(options: PoolOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#connections.length;
  }

  /** Connections that closed unexpectedly. */
  get lost(): number {
    return this.#lost;
  }

  get stuckCalls(): number {
    return this.#connections.reduce((sum, connection) => sum + connection.abandonedCalls, 0);
  }

  /** Places for calls, including those of stuck ones, once all allowed connections are open. */
  get placesMax(): number {
    return this.#options.max * MAX_IN_FLIGHT;
  }

  /**
   * Whether libvirtd has answered a statistics call that was sent after this moment (performance.now()): then its
   * workers are free, and an unanswered earlier call waits for something else. Other calls prove nothing: libvirtd
   * reserves workers for some of them (remote_protocol.x, "@priority: high").
   */
  hasAnsweredSince(sentMs: number): boolean {
    return this.#answeredSentMs > sentMs;
  }

  /** Opens the base connections concurrently, and lets a new tick retry what failed in the last. */
  startTick(): void {
    this.#openError = undefined;
    for (let open = this.#connections.length + this.#opening.size; open < this.#options.base; open++) {
      this.#openOne().catch(() => undefined);
    }
  }

  /**
   * The connection with the most free places; undefined if none has one. Use it before the next await: a call that is
   * queued behind stuck ones would look stuck itself.
   */
  pick(): Connection | undefined {
    const best = this.#emptiest();
    return best !== undefined && best.freePlaces > 0 ? best : undefined;
  }

  /**
   * Sends a call that may block; 'late' if no place became free before the tick's deadline. `beside` may send more in
   * the same packet.
   */
  async call<N extends CallName>(
    name: N,
    args: CallArgs<N>,
    {
      deadline,
      timeoutMs,
      signal,
    }: { readonly deadline: Deadline; readonly timeoutMs: number; readonly signal?: AbortSignal },
    beside?: (connection: Connection) => void,
  ): Promise<CallResult<N> | 'late'> {
    while (!deadline.aborted) {
      const connection = this.pick();
      if (connection !== undefined) {
        const sentMs = performance.now();
        const reply = connection.call(name, args, {
          timeoutMs: Math.min(timeoutMs, deadline.remainingMs),
          signal,
        });
        if (name === 'connectGetAllDomainStats') this.#watch(reply, sentMs);
        beside?.(connection);
        return reply;
      }
      await this.makeRoom();
    }
    return 'late';
  }

  /** Calls like a connection, over any that has a free place; rejects if none became free in time. */
  caller(within: { readonly deadline: Deadline; readonly timeoutMs: number }): Pick<Connection, 'call'> {
    return {
      call: async (name, args) => {
        const reply = await this.call(name, args, within);
        if (reply === 'late') throw new NoPlaceError(`${name}: all connections were busy until the deadline`);
        return reply;
      },
    };
  }

  /**
   * Opens another connection if allowed, else waits a moment; then pick again. Rejects if there is no connection at all
   * and none can be opened.
   */
  async makeRoom(): Promise<void> {
    const open = this.#connections.length;
    if (this.#openError === undefined && this.#opening.size === 0 && open < this.#options.max) {
      this.#openOne().catch(() => undefined);
    }
    if (this.#opening.size > 0) await Promise.race([...this.#opening, pause()]).catch(() => undefined);
    else if (open > 0) await pause();
    if (this.#connections.length === 0 && this.#opening.size === 0 && this.#openError !== undefined)
      throw this.#openError;
  }

  /** Closes connections that were opened because of stuck calls, once those are gone. */
  shrink(): void {
    for (const connection of [...this.#connections].reverse()) {
      if (this.#connections.length <= this.#options.base) return;
      const idle = connection.freePlaces === MAX_IN_FLIGHT;
      const others = this.#connections.filter((each) => each !== connection && each.abandonedCalls === 0);
      if (!idle || others.length < this.#options.base) continue;
      this.#connections = this.#connections.filter((each) => each !== connection);
      void connection.close();
    }
  }

  async close(): Promise<void> {
    this.#closed = true;
    const open = this.#connections;
    this.#connections = [];
    await Promise.all(open.map((connection) => connection.close()));
  }

  #emptiest(): Connection | undefined {
    let best: Connection | undefined;
    for (const connection of this.#connections) {
      if (best === undefined || connection.freePlaces > best.freePlaces) best = connection;
    }
    return best;
  }

  #watch(reply: Promise<unknown>, sentMs: number): void {
    const answered = (): void => {
      this.#answeredSentMs = Math.max(this.#answeredSentMs, sentMs);
    };
    reply.then(answered, (error) => {
      if (error instanceof RemoteError) answered();
    });
  }

  #openOne(): Promise<Connection> {
    const opening = this.#options
      .open(AbortSignal.timeout(OPEN_MS))
      .then(async (connection) => {
        if (this.#closed) {
          await connection.close();
          throw new Error('the pool was closed');
        }
        this.#connections.push(connection);
        connection.onClose(() => {
          if (!this.#connections.includes(connection)) return;
          this.#connections = this.#connections.filter((each) => each !== connection);
          this.#lost++;
        });
        return connection;
      })
      .catch((error: Error) => {
        this.#openError = error;
        throw error;
      })
      .finally(() => {
        this.#opening.delete(opening);
      });
    this.#opening.add(opening);
    return opening;
  }
}

import type { CallArgs, CallName, CallResult } from '../libvirt/calls/all.ts';
import type { Connection } from '../libvirt/client/connection.ts';
import { MAX_IN_FLIGHT } from '../libvirt/client/rpc-channel.ts';
import type { Deadline } from './deadline.ts';

export interface PoolOptions {
  readonly open: (signal: AbortSignal) => Promise<Connection>;
  /** Kept open between ticks. */
  readonly base: number;
  /**
   * Opened at most, when calls that never come back hold the places of the others. libvirtd has 20 ordinary
   * workers (max_workers); five connections of four places can occupy them all, more would gain nothing.
   */
  readonly max: number;
}

const PAUSE_MS = 20;
const pause = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, PAUSE_MS));

/** The connections that calls go over which a stuck guest can block. */
export class ConnectionPool {
  readonly #options: PoolOptions;
  #connections: Connection[] = [];
  #opening: Promise<Connection> | undefined;
  #lost = 0;
  #openError: Error | undefined;
  #closed = false;

  constructor(options: PoolOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#connections.length;
  }

  /** Connections that closed without being asked to. */
  get lost(): number {
    return this.#lost;
  }

  get stuckCalls(): number {
    return this.#connections.reduce((sum, connection) => sum + connection.abandonedCalls, 0);
  }

  /** Lets a new tick try again to open what could not be opened in the last. */
  startTick(): void {
    this.#openError = undefined;
  }

  /**
   * A connection with a place free, the emptiest first; undefined when there is none. Use it before the next
   * await: a call that is queued behind stuck ones would look stuck itself.
   */
  pick(): Connection | undefined {
    if (this.#connections.length < this.#options.base && this.#openError === undefined) return undefined;
    const best = this.#emptiest();
    return best !== undefined && best.freePlaces > 0 ? best : undefined;
  }

  /**
   * Sends a call that may be blocked; 'late' when no place came free before the tick's deadline. `beside` may
   * send more in the same packet.
   */
  async call<N extends CallName>(
    name: N,
    args: CallArgs<N>,
    { deadline, timeoutMs }: { readonly deadline: Deadline; readonly timeoutMs: number },
    beside?: (connection: Connection) => void,
  ): Promise<CallResult<N> | 'late'> {
    while (!deadline.aborted) {
      const connection = this.pick();
      if (connection !== undefined) {
        const reply = connection.call(name, args, {
          timeoutMs: Math.min(timeoutMs, deadline.remainingMs),
        });
        beside?.(connection);
        return reply;
      }
      await this.makeRoom(deadline.signal);
    }
    return 'late';
  }

  /**
   * Opens another connection where that is allowed, else waits a moment; then pick again. Rejects when there
   * is no connection and none can be opened.
   */
  async makeRoom(signal: AbortSignal): Promise<void> {
    if (this.#connections.length >= this.#options.max) return pause();
    if (this.#openError === undefined) {
      try {
        await this.#openOne(signal);
        return;
      } catch (error) {
        this.#openError = error as Error;
      }
    }
    if (this.#connections.length === 0) throw this.#openError;
    await pause();
  }

  /** Closes what the stuck calls of the past needed, once they are gone. */
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

  #openOne(signal: AbortSignal): Promise<Connection> {
    this.#opening ??= this.#options
      .open(signal)
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
      .finally(() => {
        this.#opening = undefined;
      });
    return this.#opening;
  }
}

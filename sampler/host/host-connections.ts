import type { CallArgs, CallName, CallResult } from '../../libvirt/calls/all.ts';
import type { Connection } from '../../libvirt/client/connection.ts';
import { MAX_IN_FLIGHT } from '../../libvirt/client/rpc-channel.ts';
import { ClosedError } from '../../libvirt/errors.ts';

/**
 * Upper limit, with four places per connection. One is enough while everything answers; libvirtd has 20
 * ordinary workers (max_workers), of which hung calls about the host may occupy 12.
 */
const CONNECTIONS_MAX = 3;
/** Calls of one name in flight: a kind of call that hangs must not take the places of the others. */
const SAME_NAME_MAX = 2;
/** Pools hang individually, each with its storage. */
const POOL_INFO_MAX = 4;
/** With every place taken for this long, another connection is opened. */
const GROW_AFTER_MS = 100;

interface Waiting {
  readonly name: CallName;
  readonly send: (connection: Connection) => Promise<void>;
  readonly reject: (error: Error) => void;
}

/** Sends a call about the host and waits for its answer, however long that takes. */
export type AskHost = <N extends CallName>(name: N, args: CallArgs<N>) => Promise<CallResult<N>>;

/**
 * The connections for calls about the host as a whole. They are separate from the VMs' connections, so that a
 * hung host call takes no VM's place, and from the control connection, which carries only the list of domains
 * and their states.
 */
export class HostConnections {
  readonly #open: (signal: AbortSignal) => Promise<Connection>;
  readonly #abort = new AbortController();
  #connections: Connection[] = [];
  #opening = false;
  #growTimer: NodeJS.Timeout | undefined;
  #waiting: Waiting[] = [];
  readonly #out = new Map<CallName, number>();
  readonly #startedMs = new Set<{ readonly atMs: number }>();
  #lost = 0;

  constructor(open: (signal: AbortSignal) => Promise<Connection>) {
    this.#open = open;
  }

  get size(): number {
    return this.#connections.length;
  }

  /** Connections that closed unexpectedly. */
  get lost(): number {
    return this.#lost;
  }

  /** Calls that have been in flight for longer than this. */
  stuckCalls(longerThanMs: number): number {
    const beforeMs = performance.now() - longerThanMs;
    return [...this.#startedMs].filter(({ atMs }) => atMs < beforeMs).length;
  }

  /** Rejects as Connection.call does, or with the reason why no connection could be opened. */
  readonly call: AskHost = (name, args) =>
    new Promise((resolve, reject) => {
      this.#waiting.push({
        name,
        reject,
        send: (connection) => connection.call(name, args).then(resolve, reject),
      });
      this.#pump();
    });

  /** Closes idle connections that were opened because of hung calls. */
  shrink(): void {
    while (this.#connections.length > 1) {
      const idle = this.#connections.findLast((each) => each.freePlaces === MAX_IN_FLIGHT);
      if (idle === undefined) return;
      this.#connections = this.#connections.filter((each) => each !== idle);
      void idle.close();
    }
  }

  async close(): Promise<void> {
    this.#abort.abort();
    clearTimeout(this.#growTimer);
    const open = this.#connections;
    this.#connections = [];
    this.#rejectWaiting(new ClosedError('the connection was closed by this client'));
    await Promise.all(open.map((connection) => connection.close()));
  }

  #pump(): void {
    for (const waiting of [...this.#waiting]) {
      const { name } = waiting;
      const out = this.#out.get(name) ?? 0;
      if (out >= (name === 'storagePoolGetInfo' ? POOL_INFO_MAX : SAME_NAME_MAX)) continue;
      const connection = this.#connections.find((each) => each.freePlaces > 0);
      if (connection === undefined) return this.#makeRoom();
      this.#waiting.splice(this.#waiting.indexOf(waiting), 1);
      this.#out.set(name, out + 1);
      const started = { atMs: performance.now() };
      this.#startedMs.add(started);
      void waiting.send(connection).then(() => {
        this.#startedMs.delete(started);
        this.#out.set(name, (this.#out.get(name) ?? 1) - 1);
        this.#pump();
      });
    }
  }

  #makeRoom(): void {
    if (this.#opening || this.#connections.length >= CONNECTIONS_MAX) return;
    if (this.#connections.length === 0) return void this.#openOne();
    this.#growTimer ??= setTimeout(() => {
      this.#growTimer = undefined;
      const full = this.#connections.every((each) => each.freePlaces === 0);
      if (full && this.#waiting.length > 0 && !this.#opening) void this.#openOne();
    }, GROW_AFTER_MS);
  }

  async #openOne(): Promise<void> {
    this.#opening = true;
    try {
      const connection = await this.#open(this.#abort.signal);
      if (this.#abort.signal.aborted) return await connection.close();
      this.#connections.push(connection);
      connection.onClose(() => {
        if (!this.#connections.includes(connection)) return;
        this.#connections = this.#connections.filter((each) => each !== connection);
        this.#lost++;
      });
    } catch (error) {
      if (this.#connections.length === 0) this.#rejectWaiting(error as Error);
    } finally {
      this.#opening = false;
    }
    this.#pump();
  }

  #rejectWaiting(error: Error): void {
    for (const { reject } of this.#waiting.splice(0)) reject(error);
  }
}

import type { EventEmitter } from 'node:events';
import { clientOf } from './fair-queue.ts';

/** The parts of a socket used here, TLS or not. */
export interface Peer extends EventEmitter {
  readonly remoteAddress?: string | undefined;
  readonly remotePort?: number | undefined;
  destroy(): unknown;
}

interface Connection {
  readonly client: string;
  readonly id: string;
  readonly peer: Peer;
  /** Requests in flight. */
  requests: number;
}

/**
 * The open connections of each client. Above the limit, the client with the most connections loses one, preferably the
 * oldest idle one: a client that opens thousands closes its own, not those of others.
 */
export class Connections {
  readonly #max: number;
  /** By client, then by address and port: a TLS socket and its underlying TCP socket share them. Oldest first. */
  readonly #clients = new Map<string, Map<string, Connection>>();
  #size = 0;

  constructor(max: number) {
    this.#max = max;
  }

  /** Adds an accepted connection. One over a Unix socket has no address and does not count. */
  add(peer: Peer): void {
    if (peer.remoteAddress === undefined) return;
    const connection = { client: clientOf(peer.remoteAddress), id: idOf(peer), peer, requests: 0 };
    const known = this.#clients.get(connection.client) ?? new Map<string, Connection>();
    this.#clients.set(connection.client, known);
    if (!known.has(connection.id)) this.#size++;
    known.set(connection.id, connection);
    peer.once('close', () => this.#forget(connection));
    if (this.#size > this.#max) this.#displaceOne(connection);
  }

  /** Counts a request on this connection until `response` closes. */
  use(peer: Peer, response: EventEmitter): void {
    const connection = this.#clients.get(clientOf(peer.remoteAddress))?.get(idOf(peer));
    if (connection === undefined) return;
    connection.requests++;
    response.once('close', () => connection.requests--);
  }

  #displaceOne(newest: Connection): void {
    let most: ReadonlyMap<string, Connection> = new Map();
    for (const known of this.#clients.values()) if (known.size > most.size) most = known;
    const others = [...most.values()].filter((each) => each !== newest);
    const displaced = others.find(({ requests }) => requests === 0) ?? others[0] ?? newest;
    this.#forget(displaced);
    displaced.peer.destroy();
  }

  #forget(connection: Connection): void {
    const { client, id } = connection;
    const known = this.#clients.get(client);
    if (known?.get(id) !== connection) return;
    known.delete(id);
    this.#size--;
    if (known.size === 0) this.#clients.delete(client);
  }
}

const idOf = ({ remoteAddress, remotePort }: Peer): string => `${remoteAddress} ${remotePort}`;

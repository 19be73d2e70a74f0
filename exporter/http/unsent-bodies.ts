/** A response body that a client has not read yet. */
export interface UnsentBody {
  /** From clientOf(). */
  readonly client: string;
  /** Identifies the memory: a body shared by several clients counts once. */
  readonly memory: object;
  readonly bytes: number;
  /** False once its connection is closed: a pipelined response behind another one emits no `close`. */
  readonly isOpen: () => boolean;
  readonly disconnect: () => void;
}

/**
 * Bounds the memory held by responses that clients do not read. Above the limit, the client that holds the most loses
 * the connection of its oldest response: a client that never reads loses its own responses before those of others. The
 * newest response always gets a chance, and there is room for two of the largest, so that two scrapers never disconnect
 * each other, however large the host is.
 */
export class UnsentBodies {
  readonly #maxBytes: number;
  /** Oldest first. */
  readonly #bodies = new Set<UnsentBody>();

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** Bytes in memory now. */
  get bytes(): number {
    const memory = new Map([...this.#bodies].map((body) => [body.memory, body.bytes]));
    return [...memory.values()].reduce((sum, bytes) => sum + bytes, 0);
  }

  /** @returns a function to call once the client has read it or is gone */
  add(added: UnsentBody): () => void {
    this.#forgetClosed();
    this.#bodies.add(added);
    const largest = Math.max(...[...this.#bodies].map(({ bytes }) => bytes));
    const maxBytes = Math.max(this.#maxBytes, 2 * largest);
    while (this.bytes > maxBytes) {
      const oldest = this.#oldestOfLargestClient(added);
      if (oldest === undefined) break;
      this.#bodies.delete(oldest);
      oldest.disconnect();
      // Drop others on the same connection.
      this.#forgetClosed();
    }
    return () => this.#bodies.delete(added);
  }

  #forgetClosed(): void {
    for (const body of this.#bodies) if (!body.isOpen()) this.#bodies.delete(body);
  }

  #oldestOfLargestClient(newest: UnsentBody): UnsentBody | undefined {
    const older = [...this.#bodies].filter((body) => body !== newest);
    const held = new Map<string, number>();
    for (const { client, bytes } of this.#bodies) held.set(client, (held.get(client) ?? 0) + bytes);
    const bytesOf = ({ client }: UnsentBody): number => held.get(client) ?? 0;
    const most = Math.max(...older.map(bytesOf));
    return older.find((body) => bytesOf(body) === most);
  }
}

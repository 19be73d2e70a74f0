/** The body of an answer that a client has not taken yet. */
export interface UnsentBody {
  /** As clientOf() gives it. */
  readonly client: string;
  /** What is held in memory: a body that several clients get at once counts once. */
  readonly memory: object;
  readonly bytes: number;
  /** False once its connection is gone: an answer that waited there behind another one is not reported as closed. */
  readonly isOpen: () => boolean;
  readonly disconnect: () => void;
}

/**
 * What answers that clients do not read hold in memory. Above the limit the client that holds most loses the connection
 * with its oldest one: a client that asks and never reads ends its own answers before those of others. The newest answer
 * always has its chance, and there is room for two of the largest: two scrapers do not end each other's, however large the
 * host is.
 */
export class UnsentBodies {
  readonly #maxBytes: number;
  /** Oldest first. */
  readonly #bodies = new Set<UnsentBody>();

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** Held in memory now. */
  get bytes(): number {
    const memory = new Map([...this.#bodies].map((body) => [body.memory, body.bytes]));
    return [...memory.values()].reduce((sum, bytes) => sum + bytes, 0);
  }

  /** @returns to be called once the client has taken it, or is gone */
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
      // Others that waited on the same connection.
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

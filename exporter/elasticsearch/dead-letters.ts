import { appendFile, rename, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { BulkItem } from './bulk.ts';

const MOST_BYTES = 16 * 1024 * 1024;

export interface DeadLetter {
  readonly item: BulkItem;
  readonly status: number;
  readonly reason: string;
}

/** Documents that the server will never take, in a file with the reason, for a person. Two files at most. */
export class DeadLetters {
  readonly path: string;
  readonly #onTrouble: (error: Error) => void;

  constructor(dir: string, onTrouble: (error: Error) => void) {
    this.path = join(dir, 'dead-letters.ndjson');
    this.#onTrouble = onTrouble;
  }

  /** Never rejects: the caller counts a letter that cannot be kept all the same. */
  async keep(letters: readonly DeadLetter[], nowMs: number): Promise<void> {
    const lines = letters.map(({ item, status, reason }) =>
      JSON.stringify({
        at: new Date(nowMs).toISOString(),
        index: item.index,
        status,
        reason,
        document: item.body,
      }),
    );
    try {
      const { size } = await stat(this.path).catch(() => ({ size: 0 }));
      if (size > MOST_BYTES) await rename(this.path, `${this.path}.1`);
      await appendFile(this.path, `${lines.join('\n')}\n`, { mode: 0o600 });
    } catch (error) {
      this.#onTrouble(error as Error);
    }
  }
}

import { join } from 'node:path';
import { LetterStore } from '../../queue/letter-store.ts';
import { type DeadLetter, letterOf } from './letter.ts';

/** The folder of dead letters within that of the queue. */
export function deadLettersFolder(queueDir: string): string {
  return join(queueDir, 'dead-letters');
}

/**
 * Documents that the server rejected, on disk with the reason, until `virtune elasticsearch dead-letters` sends or
 * deletes them. Above a limit the oldest are deleted.
 */
export class DeadLetters {
  readonly path: string;
  readonly #store: LetterStore;

  /** @param onTrouble called with errors of the disk, and when letters are deleted because of the limit */
  constructor(queueDir: string, maxBytes: number, onTrouble: (error: Error) => void) {
    this.path = deadLettersFolder(queueDir);
    const seeAlso = 'virtune elasticsearch dead-letters';
    this.#store = new LetterStore({
      path: this.path,
      kind: 'elasticsearch',
      maxBytes,
      onTrouble,
      seeAlso,
    });
  }

  /** Never rejects. @returns whether all of them are on disk; if not, none is */
  keep(letters: readonly DeadLetter[], nowMs: number): Promise<boolean> {
    return this.#store.keep(letters.map((letter) => letterOf(letter, nowMs)));
  }
}

import type { Settled } from './settle.ts';
import type { Trouble } from './trouble.ts';

/** An overloaded server refuses streams at random: park one only after this many refusals in a row. */
const OVERLOADS_BEFORE_PARKING = 4;

/** Streams that have accepted nothing since they began to refuse. */
export class StuckStreams {
  readonly #streams = new Map<string, { readonly trouble: Trouble; readonly answers: number }>();

  note({ open, stuck, rejected }: Pick<Settled, 'open' | 'stuck' | 'rejected'>): void {
    // A rejected document was parsed, so its stream works.
    for (const index of [...open, ...rejected.map(({ item }) => item.index)]) this.#streams.delete(index);
    for (const [index, trouble] of stuck) {
      this.#streams.set(index, { trouble, answers: (this.#streams.get(index)?.answers ?? 0) + 1 });
    }
  }

  has(stream: string): boolean {
    return this.#streams.has(stream);
  }

  /** Whether its documents should be parked, once the server has accepted others. */
  isToPark(stream: string): boolean {
    const stuck = this.#streams.get(stream);
    if (stuck === undefined) return false;
    return !stuck.trouble.isOverload || stuck.answers >= OVERLOADS_BEFORE_PARKING;
  }

  /** Call when its documents are parked. @returns why; undefined if already known */
  forget(stream: string): Trouble | undefined {
    const trouble = this.#streams.get(stream)?.trouble;
    this.#streams.delete(stream);
    return trouble;
  }
}

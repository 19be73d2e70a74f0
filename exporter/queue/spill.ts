import type { QueueRecord } from './record.ts';

/** Records that could not be written to disk, held in memory up to a limit. */
export class Spill {
  readonly maxBytes: number;
  readonly #records: QueueRecord[] = [];
  #bytes = 0;
  /** How many of the first ones are being sent. */
  #taken = 0;

  constructor(maxBytes: number) {
    this.maxBytes = maxBytes;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get first(): QueueRecord | undefined {
    return this.#records[0];
  }

  get isTaken(): boolean {
    return this.#taken > 0;
  }

  /** Returns the records evicted to make room: the oldest that are not being sent. */
  push(record: QueueRecord): QueueRecord[] {
    this.#records.push(record);
    this.#bytes += record.payload.length;
    const lost: QueueRecord[] = [];
    while (this.#bytes > this.maxBytes && this.#records.length > this.#taken) {
      lost.push(...this.#remove(this.#taken, 1));
    }
    return lost;
  }

  take(): QueueRecord | undefined {
    const record = this.#records[this.#taken];
    if (record !== undefined) this.#taken++;
    return record;
  }

  /** What was taken is settled. */
  commit(): void {
    this.#remove(0, this.#taken);
    this.#taken = 0;
  }

  /** What was taken is no longer being sent, and not settled. */
  release(): void {
    this.#taken = 0;
  }

  /** Evicts everything; it is lost. */
  drop(): QueueRecord[] {
    return this.#remove(0, this.#records.length);
  }

  shift(): void {
    this.#remove(0, 1);
  }

  #remove(from: number, count: number): QueueRecord[] {
    const removed = this.#records.splice(from, count);
    for (const { payload } of removed) this.#bytes -= payload.length;
    return removed;
  }
}

import type { Attempt } from './attempt.ts';
import type { BulkItem } from './bulk.ts';
import type { NewestDocuments } from './newest-documents.ts';
import { isStored } from './verdict.ts';

/**
 * Finds out whether a whole stream is blocked or only an old index, for example after downsampling: a read-only index
 * must not block newer documents, which come later in the queue.
 */
export class ReadOnlyProbe {
  readonly #newest: Pick<NewestDocuments, 'later' | 'noteSent'> | undefined;
  readonly #send: (items: readonly BulkItem[], signal: AbortSignal) => Promise<Attempt>;
  /** Streams whose last answer was that an index is read-only. */
  readonly #streams = new Set<string>();

  constructor(
    newest: Pick<NewestDocuments, 'later' | 'noteSent'> | undefined,
    send: (items: readonly BulkItem[], signal: AbortSignal) => Promise<Attempt>,
  ) {
    this.#newest = newest;
    this.#send = send;
  }

  /** @param readOnly streams with documents just refused by a read-only index */
  note(sent: readonly BulkItem[], readOnly: ReadonlySet<string>): void {
    for (const { index } of sent) if (!readOnly.has(index)) this.#streams.delete(index);
    for (const index of readOnly) this.#streams.add(index);
  }

  /**
   * Sends the newest document of each such stream, if it is newer than those to be sent next.
   * @returns by stream that accepted it: when it was sampled
   */
  async ask(items: readonly BulkItem[], signal: AbortSignal): Promise<ReadonlyMap<string, number>> {
    const acceptedMs = new Map<string, number>();
    const probes = this.#probesFor(items);
    if (probes.length === 0) return acceptedMs;
    const attempt = await this.#send(probes, signal);
    for (const [place, item] of probes.entries()) {
      const verdict = attempt.kind === 'judged' ? attempt.verdicts[place] : undefined;
      const isAccepted = verdict !== undefined && isStored(verdict);
      if (isAccepted) acceptedMs.set(item.index, item.atMs);
      if (isAccepted || item.isUnsure) this.#newest?.noteSent(item);
    }
    return acceptedMs;
  }

  #probesFor(items: readonly BulkItem[]): BulkItem[] {
    const lastMs = new Map<string, number>();
    for (const { index, atMs } of items) {
      if (this.#streams.has(index)) lastMs.set(index, Math.max(lastMs.get(index) ?? atMs, atMs));
    }
    return [...lastMs].flatMap(([index, atMs]) => this.#newest?.later(index, atMs) ?? []);
  }
}

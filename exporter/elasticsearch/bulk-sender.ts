import { textWithCode } from '../../model/virtune-error.ts';
import { BatchLimit } from '../queue/batch-limit.ts';
import type { DiskQueue } from '../queue/queue.ts';
import { type Filled, QueueDrain, type Shipped } from '../queue/queue-drain.ts';
import { RepeatFilter } from '../repeat-filter.ts';
import { serverText } from '../server-text.ts';
import { type Attempt, isWithheld, outcomeOf } from './attempt.ts';
import { Batch, bytesIn } from './batch.ts';
import type { BulkItem } from './bulk.ts';
import type { BulkClient } from './bulk-client.ts';
import type { DeadLetters } from './dead-letters/dead-letters.ts';
import type { DeadLetter } from './dead-letters/letter.ts';
import type { NewestDocuments } from './newest-documents.ts';
import { FUTURE, type Parking } from './parking.ts';
import { ReadOnlyProbe } from './read-only-probe.ts';
import { SearchError } from './search-error.ts';
import { type Settled, settle } from './settle.ts';
import type { SinkMeter } from './sink-meter.ts';
import { StuckStreams } from './stuck-streams.ts';
import { REASON_MAX } from './trouble.ts';

export interface BulkSenderParts {
  readonly queue: Pick<DiskQueue, 'take' | 'commit' | 'state' | 'onAppend' | 'oldestAllowedMs'>;
  /** Documents with lower numbers may already be on the server. */
  readonly inherited: number;
  readonly client: Pick<BulkClient, 'send' | 'forget'>;
  readonly deadLetters: Pick<DeadLetters, 'keep' | 'path'>;
  readonly meter: SinkMeter;
  /** Where documents wait whose stream accepts none while others do; absent: they block all others. */
  readonly parking?: Pick<Parking, 'has' | 'park'> | undefined;
  /**
   * For probing a stream if a read-only index refuses its older documents; absent: all wait until the index accepts
   * them.
   */
  readonly newest?: Pick<NewestDocuments, 'later' | 'noteSent' | 'wasSent'> | undefined;
  /**
   * False for documents with timestamps of a wrong clock, whose refusal says nothing about their streams. Default:
   * true.
   */
  readonly judgesStreams?: boolean | undefined;
  /** Called after each request with whether the server accepts requests. */
  readonly onServer: (isUp: boolean) => void;
  readonly batchBytes: number;
  readonly now: () => number;
  readonly random: () => number;
  readonly log: (message: string) => void;
  /** What accepts documents again, for the log: the server or one stream. */
  readonly target: string;
  /** Resolves after this time, or at once when aborted. */
  readonly wait?: ((ms: number, signal: AbortSignal) => Promise<void>) | undefined;
}

/** A document this far ahead of this host's clock dates from when the clock was wrong. */
const FUTURE_MS = 60_000;

/**
 * Drains the queue into the server: oldest first, one batch at a time, each document until it is settled. A batch stays
 * in the queue until all of it is settled, so a crash causes duplicates, which the server detects, but no loss.
 */
export class BulkSender {
  readonly #parts: BulkSenderParts;
  readonly #limit: BatchLimit;
  readonly #repeats: RepeatFilter;
  readonly #batch: Batch;
  readonly #stuck = new StuckStreams();
  readonly #probe: ReadOnlyProbe;
  readonly #drain: QueueDrain;

  constructor(parts: BulkSenderParts) {
    this.#parts = parts;
    this.#batch = new Batch(parts);
    this.#limit = new BatchLimit(parts.batchBytes);
    this.#repeats = new RepeatFilter(parts.log);
    this.#probe = new ReadOnlyProbe(parts.newest, (items, signal) => this.#send(items, signal));
    this.#drain = new QueueDrain({
      ...parts,
      fill: () => this.#fill(),
      ship: (signal) => this.#ship(signal),
      forget: () => parts.client.forget(),
      accepts: `${parts.target} accepts documents`,
      repeats: this.#repeats,
    });
  }

  start(): void {
    this.#drain.start();
  }

  /** Keeps sending until the queue is empty or the time is up, then ends; what is left stays in the queue. */
  async stop(graceMs: number): Promise<void> {
    await this.#drain.stop(graceMs);
  }

  /** Tops up a batch that has only refused documents. */
  async #fill(): Promise<Filled> {
    const { queue, parking } = this.#parts;
    this.#expire();
    if (this.#batch.items.some((item) => !this.#isRefused(item))) return 'filled';
    const { parked, mayHaveMore } = await this.#batch.fill((stream) => parking?.has(stream) === true);
    await this.#park(parked);
    if (this.#batch.items.length > 0) return 'filled';
    // All that was taken may have been too old, damaged or parked.
    await queue.commit();
    return mayHaveMore ? 'again' : 'empty';
  }

  /** The batch has the same age limit as the queue. */
  #expire(): void {
    const { queue, meter } = this.#parts;
    const expired = this.#batch.expire(queue.oldestAllowedMs);
    if (expired === 0) return;
    meter.countDropped('too_old', expired);
    this.#repeats.log(
      `${expired} documents that the server did not accept in time were dropped (too_old); virtune_elasticsearch_dropped_total counts them`,
    );
  }

  #isRefused({ index, hasFailed }: BulkItem): boolean {
    return hasFailed || this.#stuck.has(index);
  }

  async #ship(signal: AbortSignal): Promise<Shipped> {
    const { meter, onServer } = this.#parts;
    const sent = this.#batch.head(this.#limit.bytes);
    const acceptedMs = await this.#probe.ask(sent, signal);
    const attempt = await this.#send(sent, signal);
    if (signal.aborted && attempt.kind === 'again') return 'again';
    onServer(attempt.kind !== 'again' || attempt.outcome === 'busy');
    switch (attempt.kind) {
      case 'judged':
        return this.#apply(sent, settle(attempt.node, sent, attempt.verdicts, acceptedMs));
      case 'too-large':
      case 'unreadable': {
        if (sent.length > 1) return this.#shrink(sent);
        return this.#apply(
          sent,
          settle(attempt.node, sent, [{ kind: 'rejected', status: attempt.status, reason: attempt.reason }]),
        );
      }
      case 'again':
        meter.retried += sent.length;
        return attempt;
    }
  }

  async #send(items: readonly BulkItem[], signal: AbortSignal): Promise<Attempt> {
    const { meter, client } = this.#parts;
    const startedMs = performance.now();
    const attempt = await client.send(items, signal);
    if (!signal.aborted || attempt.kind !== 'again') {
      const durationMs = isWithheld(attempt) ? undefined : performance.now() - startedMs;
      meter.countRequest(outcomeOf(attempt), durationMs);
    }
    return attempt;
  }

  #shrink(sent: readonly BulkItem[]): 'again' {
    this.#limit.shrink(bytesIn(sent));
    this.#parts.meter.retried += sent.length;
    return 'again';
  }

  async #apply(sent: readonly BulkItem[], settled: Settled): Promise<Shipped> {
    const { meter, queue, parking, onServer, judgesStreams = true } = this.#parts;
    const { left, trouble, stuck, open, readOnly } = settled;
    this.#probe.note(sent, readOnly);
    meter.countSettled(settled);
    if (judgesStreams) meter.noteStreams(open, stuck.keys());
    this.#warnOfConflicts(settled.conflicts);
    this.#batch.settle(sent, left);
    await this.#saveDeadLetters(settled.node, [...settled.rejected, ...this.#batch.giveUp(open)]);
    this.#stuck.note(settled);
    await this.#parkFuture(settled.early);
    // The server accepts other streams: from now on, these only block themselves.
    if (open.size > 0 && parking !== undefined) {
      await this.#park(new Set(this.#batch.items.filter(({ index }) => this.#stuck.isToPark(index))));
    }
    if (this.#batch.items.length === 0) await queue.commit();
    const batch = new Set(this.#batch.items);
    const waiting = left.filter((item) => batch.has(item));
    if (trouble === undefined || waiting.length === 0) {
      this.#limit.succeeded();
      return 'accepted';
    }
    // Sending documents one by one shows whether the server fails on the stream or on one document.
    const isOneStream = stuck.size === 1 && open.size === 0;
    if (isOneStream && sent.length > 1 && left.every(({ hasFailed }) => hasFailed)) this.#shrink(sent);
    else meter.retried += waiting.length;
    if (trouble.outcome !== 'busy') onServer(false);
    return trouble;
  }

  /** Moves documents from the batch to parking, where they block no others; what cannot be written to disk stays. */
  async #park(items: ReadonlySet<BulkItem>): Promise<void> {
    if (items.size === 0) return;
    const parked = new Set(await this.#parts.parking?.park([...items]));
    this.#batch.remove(parked);
    for (const { index } of parked) {
      const trouble = this.#stuck.forget(index);
      if (trouble === undefined) continue;
      this.#repeats.log(
        textWithCode(trouble.error, '; virtune retries it, and other streams are not blocked'),
      );
    }
  }

  /** Documents ahead of this host's clock must not block those that it samples now. */
  async #parkFuture(early: readonly BulkItem[]): Promise<void> {
    const { parking, now } = this.#parts;
    const fromMs = now() + FUTURE_MS;
    const future = early.filter(({ atMs }) => atMs > fromMs);
    if (parking === undefined || future.length === 0) return;
    const parked = new Set(await parking.park(future, FUTURE));
    if (parked.size === 0) return;
    this.#batch.remove(parked);
    for (const { index } of parked) this.#stuck.forget(index);
    this.#repeats.log(
      `${parked.size} documents have timestamps ahead of this host's clock, which was set back; they wait until the server accepts their timestamps, and block no others`,
    );
  }

  async #saveDeadLetters(node: string, letters: readonly DeadLetter[]): Promise<void> {
    const { meter, deadLetters, now } = this.#parts;
    if (letters.length === 0) return;
    const isSaved = await deadLetters.keep(letters, now());
    if (isSaved) meter.deadLetters += letters.length;
    else meter.countDropped('unsaved', letters.length);
    const rejected = `the server rejected ${letters.length} documents permanently (${serverText(letters[0]?.reason, REASON_MAX)})`;
    const message = isSaved
      ? `${rejected}; they are saved in ${deadLetters.path}: correct the cause and send them again with virtune elasticsearch dead-letters resend`
      : `${rejected}, and they are lost: they could not be saved in ${deadLetters.path}; correct the cause, and check the disk`;
    this.#repeats.log(textWithCode(new SearchError('SEARCH_REJECTED', node, message)));
  }

  #warnOfConflicts(conflicts: readonly BulkItem[]): void {
    const [first] = conflicts;
    if (first === undefined) return;
    this.#repeats.log(
      `${conflicts.length} documents of host ${first.source.head.host} were already in ${first.index} when this exporter sent them: if another exporter sends the same host to the same namespace, stop one of them or give it another --elasticsearch.namespace; if another host has the same host.id, compare the UUID in virsh capabilities of both, and set host_id for one of them`,
    );
  }
}

import { setTimeout as sleep } from 'node:timers/promises';
import { Backoff } from './backoff.ts';
import { type BulkItem, bulkItemOf, bytesOf } from './bulk.ts';
import type { Attempt, BulkClient, FailedAttempt } from './bulk-client.ts';
import type { DeadLetter, DeadLetters } from './dead-letters.ts';
import { unpack } from './pack.ts';
import type { DiskQueue } from './queue/queue.ts';
import { SearchError } from './search-error.ts';
import type { RequestOutcome, SinkMeter } from './sink-meter.ts';
import type { Verdict } from './verdict.ts';

export interface BulkSenderParts {
  readonly queue: Pick<DiskQueue, 'take' | 'commit' | 'state' | 'inherited' | 'onAppend'>;
  readonly client: Pick<BulkClient, 'send' | 'forget'>;
  readonly deadLetters: Pick<DeadLetters, 'keep' | 'path'>;
  readonly meter: SinkMeter;
  readonly batchBytes: number;
  readonly now: () => number;
  readonly random: () => number;
  readonly log: (message: string) => void;
  /** Resolves after so long, or at once when aborted. */
  readonly wait?: ((ms: number, signal: AbortSignal) => Promise<void>) | undefined;
}

/** A document on which the server failed so often, while it took others or had it alone, is given up. */
const FAILURES_MAX = 10;
/** A batch that was too large may grow again after so many that were not. */
const BATCHES_BEFORE_GROWTH = 16;
/** The same trouble is said again after so long. */
const REPEAT_AFTER_MS = 60_000;

/**
 * Empties the queue into the server: oldest first, one batch at a time, each document until it is settled. A batch
 * stays in the queue until all of it is, so that a crash at any moment sends again, never less; the server distinguishes
 * what it has already.
 */
export class BulkSender {
  readonly #parts: BulkSenderParts;
  readonly #stopping = new AbortController();
  readonly #backoff: Backoff;
  /** Taken from the queue and not settled. */
  #batch: BulkItem[] = [];
  #limitBytes: number;
  #batchesSinceShrunk = 0;
  #failingSinceMs: number | undefined;
  #said: { readonly message: string; readonly atMs: number } | undefined;
  #wake: () => void = () => undefined;
  #done: Promise<void> | undefined;

  constructor(parts: BulkSenderParts) {
    this.#parts = parts;
    this.#backoff = new Backoff(parts.random);
    this.#limitBytes = parts.batchBytes;
  }

  start(): void {
    this.#parts.queue.onAppend = () => this.#wake();
    this.#done ??= this.#run();
  }

  /** Goes on until the queue is empty or the time is over, then ends; what is left stays in the queue. */
  async stop(graceMs: number): Promise<void> {
    const untilMs = performance.now() + graceMs;
    const { queue } = this.#parts;
    while (queue.state.documents > 0 && !this.#isFailing && performance.now() < untilMs) await sleep(20);
    this.#stopping.abort();
    this.#wake();
    await this.#done;
    await this.#parts.client.forget();
  }

  get #isFailing(): boolean {
    return this.#failingSinceMs !== undefined;
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      try {
        if (await this.#fill()) await this.#ship();
        else await this.#untilMore();
      } catch (error) {
        // The disk: nothing else throws here.
        await this.#failed({ kind: 'again', outcome: 'error', error: error as Error });
      }
    }
  }

  /** Whether there is anything to send. */
  async #fill(): Promise<boolean> {
    const { queue, batchBytes, meter } = this.#parts;
    if (this.#batch.length > 0) return true;
    for (let bytes = 0; bytes < batchBytes; ) {
      const record = await queue.take();
      if (record === undefined) break;
      const packed = await unpack(record.payload);
      if (packed === undefined || packed.documents.length !== record.documents) {
        meter.countDropped('damaged', record.documents);
        continue;
      }
      for (const document of packed.documents) {
        const item = bulkItemOf(packed.head, document, record.firstDocument < queue.inherited);
        bytes += bytesOf(item);
        this.#batch.push(item);
      }
    }
    // What was taken may all have been too old or damaged.
    if (this.#batch.length === 0) await queue.commit();
    return this.#batch.length > 0;
  }

  async #untilMore(): Promise<void> {
    const more = new Promise<void>((resolve) => {
      this.#wake = resolve;
    });
    // Between the last look and this line something may have come in.
    if (this.#parts.queue.state.documents === 0 && !this.#stopping.signal.aborted) await more;
  }

  async #ship(): Promise<void> {
    const { meter, client } = this.#parts;
    const sent = this.#head();
    const startedMs = performance.now();
    const attempt = await client.send(sent, this.#stopping.signal);
    if (this.#stopping.signal.aborted && attempt.kind === 'again') return;
    meter.countRequest(outcomeOf(attempt), performance.now() - startedMs);
    meter.up = attempt.kind !== 'again' || attempt.outcome === 'busy';
    switch (attempt.kind) {
      case 'judged':
        return this.#applyVerdicts(sent, attempt.verdicts);
      case 'too-large':
      case 'unreadable': {
        if (sent.length > 1) return this.#shrink(sent);
        const [status, reason] =
          attempt.kind === 'unreadable'
            ? [attempt.status, attempt.reason]
            : [413, 'too large for the server, or for a proxy in front of it'];
        return this.#applyVerdicts(sent, [{ kind: 'rejected', status, reason }]);
      }
      case 'again':
        meter.retried += sent.length;
        return this.#failed(attempt);
    }
  }

  /** As much of the batch as may be sent at once: at least one document. */
  #head(): BulkItem[] {
    let bytes = 0;
    let count = 0;
    for (const item of this.#batch) {
      bytes += bytesOf(item);
      if (count > 0 && bytes > this.#limitBytes) break;
      count++;
    }
    return this.#batch.slice(0, count);
  }

  #shrink(sent: readonly BulkItem[]): void {
    const bytes = sent.reduce((sum, item) => sum + bytesOf(item), 0);
    this.#limitBytes = Math.max(1, Math.floor(Math.min(bytes, this.#limitBytes) / 2));
    this.#batchesSinceShrunk = 0;
    this.#parts.meter.retried += sent.length;
  }

  async #applyVerdicts(sent: readonly BulkItem[], verdicts: readonly Verdict[]): Promise<void> {
    const { meter } = this.#parts;
    const left: BulkItem[] = [];
    const letters: DeadLetter[] = [];
    let trouble: { readonly reason: string; readonly outcome: RequestOutcome } | undefined;
    const isAnyTaken = verdicts.some(isTaken);
    for (const [place, item] of sent.entries()) {
      const verdict = verdicts[place] as Verdict;
      if (isTaken(verdict)) {
        if (verdict.kind === 'delivered') meter.sent++;
        else meter.duplicates++;
        meter.noteSent(item.atMs);
        continue;
      }
      if (verdict.kind === 'failed' && (isAnyTaken || sent.length === 1)) item.failures++;
      if (verdict.kind === 'rejected' || item.failures >= FAILURES_MAX) {
        const { status, reason } =
          verdict.kind === 'rejected' ? verdict : { status: 500, reason: verdict.reason };
        letters.push({ item, status, reason });
        continue;
      }
      trouble ??= { reason: verdict.reason, outcome: verdict.kind === 'blocked' ? 'refused' : 'busy' };
      left.push(item);
    }
    await this.#saveDeadLetters(letters);
    this.#batch = [...left, ...this.#batch.slice(sent.length)];
    if (this.#batch.length === 0) await this.#parts.queue.commit();
    if (trouble === undefined) return this.#succeeded();
    // None was taken: whether it is the server or one of them shows when each is alone.
    if (left.length === sent.length && verdicts.some(({ kind }) => kind === 'failed')) this.#shrink(sent);
    else meter.retried += left.length;
    const message = `the server did not accept ${left.length} of ${sent.length} documents: ${trouble.reason}`;
    await this.#failed({
      kind: 'again',
      outcome: trouble.outcome,
      error: new SearchError('SEARCH_REFUSED', message),
    });
  }

  async #saveDeadLetters(letters: readonly DeadLetter[]): Promise<void> {
    const { meter, deadLetters, now } = this.#parts;
    if (letters.length === 0) return;
    meter.deadLetters += letters.length;
    await deadLetters.keep(letters, now());
    this.#say(
      `${letters.length} documents were rejected permanently (${letters[0]?.reason}); saved in ${deadLetters.path}`,
    );
  }

  #succeeded(): void {
    const { now, log, batchBytes } = this.#parts;
    this.#backoff.reset();
    if (this.#failingSinceMs !== undefined) {
      log(`accepts documents again after ${Math.round((now() - this.#failingSinceMs) / 1_000)} s`);
      this.#failingSinceMs = undefined;
      this.#said = undefined;
    }
    if (this.#limitBytes < batchBytes && ++this.#batchesSinceShrunk >= BATCHES_BEFORE_GROWTH) {
      this.#limitBytes = Math.min(batchBytes, this.#limitBytes * 2);
      this.#batchesSinceShrunk = 0;
    }
  }

  async #failed({ error, outcome, retryAfterMs }: FailedAttempt): Promise<void> {
    const { now, meter, client, wait = waitFor } = this.#parts;
    const { signal } = this.#stopping;
    if (signal.aborted) return;
    this.#failingSinceMs ??= now();
    if (outcome !== 'busy') {
      meter.up = false;
      await client.forget();
    }
    this.#say(error.message);
    await wait(this.#backoff.next(retryAfterMs), signal);
  }

  /** A continuing failure is logged once per minute; changed numbers in its text do not make it a new one. */
  #say(message: string): void {
    const { now, log } = this.#parts;
    const kind = message.replaceAll(/\d+/g, '#');
    if (this.#said?.message === kind && now() - this.#said.atMs < REPEAT_AFTER_MS) return;
    this.#said = { message: kind, atMs: now() };
    log(message);
  }
}

type Taken = Extract<Verdict, { kind: 'delivered' | 'duplicate' | 'conflict' }>;

function isTaken(verdict: Verdict): verdict is Taken {
  return verdict.kind === 'delivered' || verdict.kind === 'duplicate' || verdict.kind === 'conflict';
}

function outcomeOf(attempt: Attempt): RequestOutcome {
  switch (attempt.kind) {
    case 'judged':
      return attempt.verdicts.every(isTaken) ? 'ok' : 'partial';
    case 'too-large':
      return 'too_large';
    case 'unreadable':
      return 'refused';
    case 'again':
      return attempt.outcome;
  }
}

async function waitFor(ms: number, signal: AbortSignal): Promise<void> {
  await sleep(ms, undefined, { signal }).catch(() => undefined);
}

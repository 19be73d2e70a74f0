import { textWithCode } from '../../model/virtune-error.ts';
import type { DiskQueue } from '../queue/queue.ts';
import { type Filled, QueueDrain, type Shipped } from '../queue/queue-drain.ts';
import type { QueueRecord } from '../queue/record.ts';
import { RepeatFilter } from '../repeat-filter.ts';
import { type Attempt, type FailedAttempt, readAnswer } from './answer.ts';
import type { DeadRequests } from './dead-requests.ts';
import type { OtlpClient } from './otlp-client.ts';
import { OtlpError, type OtlpErrorCode } from './otlp-error.ts';
import type { OtlpMeter } from './otlp-meter.ts';

export interface OtlpSenderParts {
  readonly queue: Pick<DiskQueue, 'take' | 'commit' | 'state' | 'onAppend'>;
  /** Rereads the files with secrets. @throws ConfigError */
  readonly open: () => Promise<OtlpClient>;
  /** The receiver's address, from `shownUrl`. */
  readonly address: string;
  readonly deadRequests: Pick<DeadRequests, 'keep' | 'path'>;
  readonly meter: OtlpMeter;
  readonly now: () => number;
  readonly random: () => number;
  readonly log: (message: string) => void;
  /** Resolves after this time, or at once when aborted. */
  readonly wait?: ((ms: number, signal: AbortSignal) => Promise<void>) | undefined;
}

/** After this many failures of the receiver on one request, the next request is tried to see if it fails on all. */
const FAILURES_MAX = 10;

/**
 * Drains the queue into a receiver: oldest first, one request at a time, so that the points of a series arrive in
 * order. A request stays in the queue until it is settled: after a crash it is sent again, with the same times and
 * values.
 */
export class OtlpSender {
  readonly #parts: OtlpSenderParts;
  readonly #repeats: RepeatFilter;
  readonly #drain: QueueDrain;
  #client: OtlpClient | undefined;
  /** Taken from the queue but not settled: one, or two while the first fails. */
  #taken: QueueRecord[] = [];
  /** How often the receiver failed on the first one. */
  #failures = 0;
  /** Whether it has accepted the second one since. */
  #hasAcceptedNext = false;

  constructor(parts: OtlpSenderParts) {
    this.#parts = parts;
    this.#repeats = new RepeatFilter(parts.log);
    this.#drain = new QueueDrain({
      ...parts,
      fill: () => this.#fill(),
      ship: (signal) => this.#ship(signal),
      forget: async () => this.#forget(),
      accepts: 'the receiver accepts data points',
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

  get #isToProbe(): boolean {
    return this.#failures >= FAILURES_MAX && !this.#hasAcceptedNext;
  }

  async #fill(): Promise<Filled> {
    const { queue } = this.#parts;
    const wanted = this.#isToProbe ? 2 : 1;
    while (this.#taken.length < wanted) {
      const record = await queue.take();
      if (record === undefined) break;
      this.#taken.push(record);
    }
    if (this.#taken.length > 0) return 'filled';
    // Everything in the queue may have been too old or damaged.
    await queue.commit();
    return 'empty';
  }

  async #ship(signal: AbortSignal): Promise<Shipped> {
    const { meter } = this.#parts;
    const [first, second] = this.#taken as [QueueRecord, QueueRecord | undefined];
    const isProbe = this.#isToProbe && second !== undefined;
    const sent = isProbe ? second : first;
    const startedMs = performance.now();
    const attempt = await this.#post(sent, signal);
    if (signal.aborted && attempt.kind === 'again') return 'again';
    meter.countRequest(
      attempt.kind === 'again' ? attempt.outcome : attempt.kind,
      performance.now() - startedMs,
    );
    meter.isUp = attempt.kind !== 'again';
    if (attempt.kind !== 'again') {
      await this.#settle(sent, attempt);
      await this.#remove(sent);
      this.#hasAcceptedNext = isProbe;
      return 'accepted';
    }
    const hasFailedOnIt = attempt.hasFailedOnIt === true;
    if (hasFailedOnIt && this.#hasAcceptedNext) {
      await this.#saveDeadRequest(
        first,
        500,
        `the receiver failed on it more than ${FAILURES_MAX} times and accepted others`,
      );
      await this.#remove(first);
      return 'again';
    }
    // The receiver fails on the next one too, so it fails on all: start counting again.
    if (isProbe) this.#failures = 0;
    else if (hasFailedOnIt) this.#failures++;
    meter.retried += sent.documents;
    return attempt;
  }

  /** Marks a record as settled. The queue commits once all taken records are. */
  async #remove(record: QueueRecord): Promise<void> {
    if (record === this.#taken[0]) this.#failures = 0;
    this.#hasAcceptedNext = false;
    this.#taken = this.#taken.filter((each) => each !== record);
    if (this.#taken.length === 0) await this.#parts.queue.commit();
  }

  async #post({ payload }: QueueRecord, signal: AbortSignal): Promise<Attempt> {
    const { open, address, now } = this.#parts;
    try {
      this.#client ??= await open();
      return readAnswer(await this.#client.post(payload, signal), address, now());
    } catch (error) {
      const isReceiver = error instanceof OtlpError;
      return { kind: 'again', outcome: isReceiver ? 'unreachable' : 'error', error: error as Error };
    }
  }

  async #settle(record: QueueRecord, attempt: Exclude<Attempt, FailedAttempt>): Promise<void> {
    const { meter } = this.#parts;
    if (attempt.kind === 'rejected') return this.#saveDeadRequest(record, attempt.status, attempt.reason);
    const { rejectedPoints, warning } = attempt;
    const rejected = Math.min(rejectedPoints, record.documents);
    meter.rejected += rejected;
    meter.countSent(record.documents - rejected);
    if (rejected > 0) {
      this.#report(
        'OTLP_REJECTED',
        `the receiver rejected ${rejected} data points of a request (${warning || 'no reason given'}); they are lost, since OTLP forbids sending them again; correct the cause to avoid further loss`,
      );
    } else if (warning !== '') {
      this.#report(
        'OTLP_WARNING',
        `the receiver accepted a request with a warning (${warning}); check its configuration and log`,
      );
    }
  }

  async #saveDeadRequest(
    { atMs, documents, payload }: QueueRecord,
    status: number,
    reason: string,
  ): Promise<void> {
    const { meter, deadRequests, now } = this.#parts;
    const request = { sampledAtMs: atMs, points: documents, status, reason, body: payload };
    const isSaved = await deadRequests.keep(request, now());
    if (isSaved) meter.deadLetters += documents;
    else meter.countDropped('unsaved', documents);
    const rejected = `the receiver rejected ${documents} data points permanently (${status}: ${reason})`;
    this.#report(
      'OTLP_REJECTED',
      isSaved
        ? `${rejected}; they are saved in ${deadRequests.path}: correct the cause and send them again (docs/opentelemetry.md, "Rejected requests")`
        : `${rejected}, and they are lost: they could not be saved in ${deadRequests.path}; correct the cause, and check the disk`,
    );
  }

  #report(code: OtlpErrorCode, message: string): void {
    this.#repeats.log(textWithCode(new OtlpError(code, this.#parts.address, message)));
  }

  /** Secrets may have been replaced, and another server may answer next time. */
  #forget(): void {
    this.#client?.close();
    this.#client = undefined;
  }
}

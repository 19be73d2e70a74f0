import { systemErrorText } from '../../model/system-error.ts';
import { QueueError } from './queue-error.ts';
import type { QueueKind } from './queue-kind.ts';
import type { Segment } from './segment.ts';

/** A disk that is plugged in again, a path of a multipath device or a server of a network file system is back by then. */
const PATIENCE_MS = 5 * 60_000;
/** A machine that slept has not tried. */
const TRIES_MIN = 5;

/** What the kernel reports of a part of a disk that cannot be read, and of a file system that is damaged there. */
const OF_THE_MEDIUM = new Set<string | undefined>(['EIO', 'EUCLEAN', 'EBADMSG', 'EILSEQ']);

export function isOfMedium(error: unknown): boolean {
  return OF_THE_MEDIUM.has((error as NodeJS.ErrnoException).code);
}

/** How long a file has failed to be read, each time it was tried. */
export class ReadPatience {
  readonly #nowMs: () => number;
  #segment: Segment | undefined;
  #sinceMs = 0;
  #tries = 0;

  /** @param nowMs a clock that nobody sets */
  constructor(nowMs: () => number) {
    this.#nowMs = nowMs;
  }

  /** After a failure. @returns for how long there were only failures, once that is too long */
  exhaustedAfterMs(segment: Segment): number | undefined {
    if (segment !== this.#segment) {
      this.#segment = segment;
      this.#sinceMs = this.#nowMs();
      this.#tries = 0;
    }
    this.#tries++;
    const lastedMs = this.#nowMs() - this.#sinceMs;
    return lastedMs >= PATIENCE_MS && this.#tries >= TRIES_MIN ? lastedMs : undefined;
  }

  /** After a read that did not fail. */
  reset(): void {
    this.#segment = undefined;
  }
}

/** A file that was put aside, and what to do with it. */
export function asideError(
  { path, aside }: Segment,
  {
    kind,
    documents,
    lastedMs,
    error,
  }: { kind: QueueKind; documents: number; lastedMs: number; error: Error },
): QueueError {
  const what = kind === 'otlp' ? 'data points' : 'documents';
  return new QueueError(
    'QUEUE_UNREADABLE',
    `${path} could not be read for ${Math.floor(lastedMs / 60_000)} minutes (${systemErrorText(error)}), and held up the queue; it was renamed to ${aside}, and its ${documents} ${what} that were not sent count as dropped (unreadable); check the disk (dmesg, smartctl), then delete the file, or send it again as docs/elasticsearch.md says`,
    error,
  );
}

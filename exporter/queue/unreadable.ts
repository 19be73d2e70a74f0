import { systemErrorText } from '../../model/system-error.ts';
import { QueueError } from './queue-error.ts';
import type { QueueKind } from './queue-kind.ts';
import type { Segment } from './segment.ts';

/** Enough for a replugged disk, a multipath failover or a restarted file server to come back. */
const PATIENCE_MS = 5 * 60_000;
/** A suspended machine makes no attempts. */
const TRIES_MIN = 5;

/** What the kernel reports for a bad sector, and for a file system that is damaged there. */
const OF_THE_MEDIUM = new Set<string | undefined>(['EIO', 'EUCLEAN', 'EBADMSG', 'EILSEQ']);

export function isOfMedium(error: unknown): boolean {
  return OF_THE_MEDIUM.has((error as NodeJS.ErrnoException).code);
}

/** Tracks for how long every read of a file has failed. */
export class ReadPatience {
  readonly #nowMs: () => number;
  #segment: Segment | undefined;
  #sinceMs = 0;
  #tries = 0;

  /** @param nowMs a monotonic clock */
  constructor(nowMs: () => number) {
    this.#nowMs = nowMs;
  }

  /** Call after a failed read. @returns how long all reads have failed, once that is too long */
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

  /** Call after a successful read. */
  reset(): void {
    this.#segment = undefined;
  }
}

const GUIDES = {
  elasticsearch: 'docs/elasticsearch.md',
  otlp: 'docs/opentelemetry.md',
} as const satisfies Record<QueueKind, string>;

/** Reports a file that was set aside, and what to do with it. */
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
    `${path} could not be read for ${Math.floor(lastedMs / 60_000)} minutes (${systemErrorText(error)}), and blocked the queue; it was renamed to ${aside}, and its ${documents} ${what} that were not sent count as dropped (unreadable); check the disk (dmesg, smartctl), then delete the file, or send it again as ${GUIDES[kind]} explains under "A file that cannot be read"`,
    error,
  );
}

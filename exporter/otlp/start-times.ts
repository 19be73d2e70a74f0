interface Known {
  readonly startMs: number;
  readonly atMs: number;
  readonly value: number;
}

/** A series that has not been seen for so long begins again: memory must not grow with each VM that ever was. */
const FORGET_AFTER_MS = 3_600_000;

/**
 * Since when each cumulative series has counted, as OTLP's `start_time_unix_nano` needs it:
 * https://opentelemetry.io/docs/specs/otel/metrics/data-model/#resets-and-gaps
 *
 * Where the start of a VM is known, its counters count since then. Others count since they were first seen: what they had
 * counted before is in the first value, whose start is its own time. After a reset, which shows in a lower value, a
 * series has counted since the point before it at the earliest. A gap, as while a VM does not answer, is not a reset.
 */
export class StartTimes {
  readonly #known = new Map<string, Known>();
  #sweptAtMs = Number.NEGATIVE_INFINITY;

  /**
   * @param key of the series
   * @param sinceMs when its VM started, where that is known
   * @returns ms since 1970, at most `atMs`
   */
  startOf(key: string, atMs: number, value: number, sinceMs?: number | undefined): number {
    const startMs = Math.min(atMs, startAfter(this.#known.get(key), atMs, value, sinceMs));
    this.#known.set(key, { startMs, atMs, value });
    return startMs;
  }

  /** Forgets series that are gone. */
  sweep(atMs: number): void {
    // The clock may have been set back.
    if (Math.abs(atMs - this.#sweptAtMs) < FORGET_AFTER_MS) return;
    this.#sweptAtMs = atMs;
    for (const [key, known] of this.#known) {
      if (Math.abs(atMs - known.atMs) > FORGET_AFTER_MS) this.#known.delete(key);
    }
  }

  get size(): number {
    return this.#known.size;
  }
}

function startAfter(known: Known | undefined, atMs: number, value: number, sinceMs = atMs): number {
  if (known === undefined) return sinceMs;
  const hasRestarted = sinceMs > known.atMs && sinceMs < atMs;
  if (hasRestarted) return sinceMs;
  return value < known.value ? known.atMs : known.startMs;
}

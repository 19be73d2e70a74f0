interface Known {
  readonly startMs: number;
  readonly atMs: number;
  readonly value: number;
}

/** A series not seen for this long starts over: bounds memory on a host where VMs come and go. */
const FORGET_AFTER_MS = 3_600_000;

/**
 * Start times of cumulative series for OTLP's `start_time_unix_nano`:
 * https://opentelemetry.io/docs/specs/otel/metrics/data-model/#resets-and-gaps
 *
 * If the start of a VM is known, its counters count since then. Others count since they were first seen: what they
 * counted earlier is in the first value, whose start is its own time. After a reset, which shows as a lower value, a
 * series starts at the previous point. A gap, as while a VM does not answer, is not a reset.
 */
export class StartTimes {
  readonly #known = new Map<string, Known>();
  #sweptAtMs = Number.NEGATIVE_INFINITY;

  /** @param key of the series @param sinceMs when its VM started, if known @returns ms since 1970, at most `atMs` */
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

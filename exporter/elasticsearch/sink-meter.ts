import { elasticsearchMetrics as metrics } from '../../model/catalogue/elasticsearch.ts';
import type { HealthMetric } from '../../model/catalogue/metric.ts';
import { msToSeconds } from '../../model/units.ts';
import { DurationHistogram } from '../prometheus/duration-histogram.ts';
import { type FamilyValues, familyText } from '../prometheus/family-text.ts';
import type { Format } from '../prometheus/text.ts';
import { type DropReason, noDrops } from '../queue/drop-reason.ts';
import type { QueueState } from '../queue/queue.ts';
import type { TickOutcome } from '../sampling/sampling-loop.ts';

export type RequestOutcome = 'ok' | 'partial' | 'busy' | 'too_large' | 'refused' | 'error' | 'unreachable';

/** Documents of one request that the server now has. */
export interface SettledDocuments {
  readonly delivered: readonly { readonly atMs: number }[];
  readonly duplicates: readonly { readonly atMs: number }[];
  readonly conflicts: readonly { readonly atMs: number }[];
}

/** Counts the outcome of samples and documents. Counters with known labels start at 0. */
export class SinkMeter {
  readonly #ticks: Record<TickOutcome, number> = { ok: 0, failed: 0, missed: 0 };
  readonly #dropped = noDrops();
  readonly #requests: Record<RequestOutcome, number> = {
    ok: 0,
    partial: 0,
    busy: 0,
    too_large: 0,
    refused: 0,
    error: 0,
    unreachable: 0,
  };
  readonly #durations = new DurationHistogram();
  queued = 0;
  sent = 0;
  duplicates = 0;
  conflicts = 0;
  retried = 0;
  deadLetters = 0;
  /** Whether the server accepts requests; undefined before the first. */
  serverUp: boolean | undefined;
  /** Whether a stream accepts documents, by its name. */
  readonly #streamsUp = new Map<string, boolean>();
  #newestTickMs: number | undefined;
  #newestSentMs: number | undefined;

  countTick(outcome: TickOutcome, atMs?: number): void {
    this.#ticks[outcome]++;
    if (atMs === undefined) return;
    // The clock was set back: timestamps sent before are ahead of this sample, and would hide the lag from now on.
    if (atMs < (this.#newestTickMs ?? 0)) this.#newestSentMs = undefined;
    this.#newestTickMs = atMs;
  }

  countDropped(reason: DropReason, documents: number): void {
    this.#dropped[reason] += documents;
  }

  /** @param durationMs undefined if no bulk request was sent */
  countRequest(outcome: RequestOutcome, durationMs: number | undefined): void {
    this.#requests[outcome]++;
    if (durationMs !== undefined) this.#durations.observe(durationMs);
  }

  countSettled({ delivered, duplicates, conflicts }: SettledDocuments): void {
    this.sent += delivered.length;
    this.duplicates += duplicates.length + conflicts.length;
    this.conflicts += conflicts.length;
    for (const { atMs } of [...delivered, ...duplicates, ...conflicts]) {
      this.#newestSentMs = Math.max(this.#newestSentMs ?? 0, atMs);
    }
  }

  /** Records streams that accepted documents of a request, and those that accepted none of theirs. */
  noteStreams(open: Iterable<string>, stuck: Iterable<string>): void {
    for (const stream of open) this.#streamsUp.set(stream, true);
    for (const stream of stuck) this.#streamsUp.set(stream, false);
  }

  /** @param parked state of each parked stream */
  encode(
    format: Format,
    main: QueueState,
    maxBytes: number,
    nowMs: number,
    parked: ReadonlyMap<string, QueueState> = new Map(),
  ): string {
    const queue = combined([main, ...parked.values()]);
    const ageSeconds = (oldestAtMs: number | undefined): number =>
      oldestAtMs === undefined ? 0 : msToSeconds(Math.max(0, nowMs - oldestAtMs));
    let text = '';
    const add = (metric: HealthMetric, values: FamilyValues): void => {
      text += familyText(format, metric, values);
    };
    const areUp = [...this.#streamsUp.values()].every(Boolean);
    add(metrics.up, this.serverUp === undefined ? undefined : Number(this.serverUp && areUp));
    const byStream = (read: (stream: string, isUp: boolean) => number): Record<string, number> =>
      Object.fromEntries(Array.from(this.#streamsUp, ([stream, isUp]) => [stream, read(stream, isUp)]));
    add(
      metrics.streamUp,
      byStream((_, isUp) => Number(isUp)),
    );
    add(
      metrics.streamOldestAge,
      byStream((stream) => ageSeconds(parked.get(stream)?.oldestAtMs)),
    );
    add(metrics.queueBytes, queue.bytes);
    add(metrics.queueMaxBytes, maxBytes);
    add(metrics.queueDocuments, queue.documents);
    add(metrics.oldestAge, ageSeconds(queue.oldestAtMs));
    add(metrics.lag, this.#lagSeconds(queue));
    add(metrics.ticks, this.#ticks);
    add(metrics.queued, this.queued);
    add(metrics.sent, this.sent);
    add(metrics.duplicates, this.duplicates);
    add(metrics.conflicts, this.conflicts);
    add(metrics.retried, this.retried);
    add(metrics.dropped, this.#dropped);
    add(metrics.deadLetters, this.deadLetters);
    add(metrics.requests, this.#requests);
    return text + this.#durations.encode(format, metrics.requestDuration);
  }

  /** Absent before the first sample. Until something was sent, measured from the oldest queued document. */
  #lagSeconds(queue: QueueState): number | undefined {
    if (this.#newestTickMs === undefined) return undefined;
    if (queue.documents === 0) return 0;
    const sentMs = this.#newestSentMs ?? queue.oldestAtMs;
    return sentMs === undefined ? 0 : msToSeconds(Math.max(0, this.#newestTickMs - sentMs));
  }
}

/** Combined state of several queues. */
function combined(states: readonly QueueState[]): QueueState {
  const oldest = states.flatMap(({ oldestAtMs }) => (oldestAtMs === undefined ? [] : [oldestAtMs]));
  return {
    bytes: states.reduce((sum, { bytes }) => sum + bytes, 0),
    documents: states.reduce((sum, { documents }) => sum + documents, 0),
    oldestAtMs: oldest.length === 0 ? undefined : Math.min(...oldest),
  };
}

import { elasticsearchMetrics as metrics } from '../../model/catalogue/elasticsearch.ts';
import type { HealthMetric } from '../../model/catalogue/metric.ts';
import { msToSeconds } from '../../model/units.ts';
import { type Format, familyHead, labelPairs, number } from '../prometheus/text.ts';
import type { DropReason, QueueState } from './queue/queue.ts';

export type TickOutcome = 'ok' | 'failed' | 'missed';
export type RequestOutcome = 'ok' | 'partial' | 'busy' | 'too_large' | 'refused' | 'error' | 'unreachable';

/** Upper bounds, ms. */
const BOUNDS_MS = [5, 20, 50, 100, 250, 500, 1_000, 5_000, 30_000, 60_000];

/** Counts what becomes of samples and documents. A counter with known labels is there from the start, at 0. */
export class SinkMeter {
  readonly #ticks: Record<TickOutcome, number> = { ok: 0, failed: 0, missed: 0 };
  readonly #dropped: Record<DropReason, number> = { queue_full: 0, too_old: 0, disk: 0, damaged: 0 };
  readonly #requests: Record<RequestOutcome, number> = {
    ok: 0,
    partial: 0,
    busy: 0,
    too_large: 0,
    refused: 0,
    error: 0,
    unreachable: 0,
  };
  readonly #durations: number[] = new Array(BOUNDS_MS.length + 1).fill(0);
  #durationSumMs = 0;
  queued = 0;
  sent = 0;
  duplicates = 0;
  retried = 0;
  deadLetters = 0;
  /** Undefined before the server was asked. */
  up: boolean | undefined;
  #newestTickMs: number | undefined;
  #newestSentMs: number | undefined;

  countTick(outcome: TickOutcome, atMs?: number): void {
    this.#ticks[outcome]++;
    if (atMs !== undefined) this.#newestTickMs = Math.max(this.#newestTickMs ?? 0, atMs);
  }

  countDropped(reason: DropReason, documents: number): void {
    this.#dropped[reason] += documents;
  }

  countRequest(outcome: RequestOutcome, durationMs: number): void {
    this.#requests[outcome]++;
    const place = BOUNDS_MS.findIndex((bound) => durationMs <= bound);
    const index = place < 0 ? BOUNDS_MS.length : place;
    this.#durations[index] = (this.#durations[index] ?? 0) + 1;
    this.#durationSumMs += durationMs;
  }

  /** The server has a document of this moment. */
  noteSent(atMs: number): void {
    this.#newestSentMs = Math.max(this.#newestSentMs ?? 0, atMs);
  }

  encode(format: Format, queue: QueueState, maxBytes: number, nowMs: number): string {
    let text = '';
    const family = (
      metric: HealthMetric,
      values: readonly (readonly [labels: string, value: number])[],
    ): void => {
      if (values.length === 0) return;
      text += familyHead(format, metric);
      for (const [labels, value] of values) {
        text += `${metric.name}${labels === '' ? '' : `{${labels}}`} ${number(value)}\n`;
      }
    };
    const one = (metric: HealthMetric, value: number | undefined): void =>
      family(metric, value === undefined ? [] : [['', value]]);
    const by = (metric: HealthMetric, values: Readonly<Record<string, number>>): void =>
      family(
        metric,
        Object.entries(values).map(([value, count]) => [
          labelPairs({ [metric.labels[0] ?? '']: value }),
          count,
        ]),
      );
    one(metrics.up, this.up === undefined ? undefined : Number(this.up));
    one(metrics.queueBytes, queue.bytes);
    one(metrics.queueMaxBytes, maxBytes);
    one(metrics.queueDocuments, queue.documents);
    one(
      metrics.oldestAge,
      queue.oldestAtMs === undefined ? 0 : msToSeconds(Math.max(0, nowMs - queue.oldestAtMs)),
    );
    one(metrics.lag, this.#lagSeconds(queue));
    by(metrics.ticks, this.#ticks);
    one(metrics.queued, this.queued);
    one(metrics.sent, this.sent);
    one(metrics.duplicates, this.duplicates);
    one(metrics.retried, this.retried);
    by(metrics.dropped, this.#dropped);
    one(metrics.deadLetters, this.deadLetters);
    by(metrics.requests, this.#requests);
    return text + this.#encodeDurations(format);
  }

  /** Absent before the first sample. Before anything was sent, from the oldest document that waits. */
  #lagSeconds(queue: QueueState): number | undefined {
    if (this.#newestTickMs === undefined) return undefined;
    if (queue.documents === 0) return 0;
    const sentMs = this.#newestSentMs ?? queue.oldestAtMs;
    return sentMs === undefined ? 0 : msToSeconds(Math.max(0, this.#newestTickMs - sentMs));
  }

  #encodeDurations(format: Format): string {
    const { requestDuration: metric } = metrics;
    let text = familyHead(format, metric);
    let total = 0;
    for (const [index, boundMs] of BOUNDS_MS.entries()) {
      total += this.#durations[index] ?? 0;
      text += `${metric.name}_bucket{le="${msToSeconds(boundMs)}"} ${total}\n`;
    }
    total += this.#durations[BOUNDS_MS.length] ?? 0;
    text += `${metric.name}_bucket{le="+Inf"} ${total}\n`;
    text += `${metric.name}_sum ${number(msToSeconds(this.#durationSumMs))}\n`;
    return `${text}${metric.name}_count ${total}\n`;
  }
}

import type { HealthMetric } from '../../model/catalogue/metric.ts';
import { otlpMetrics as metrics } from '../../model/catalogue/otlp.ts';
import { msToSeconds } from '../../model/units.ts';
import { DurationHistogram } from '../prometheus/duration-histogram.ts';
import { type FamilyValues, familyText } from '../prometheus/family-text.ts';
import type { Format } from '../prometheus/text.ts';
import { type DropReason, noDrops } from '../queue/drop-reason.ts';
import type { QueueState } from '../queue/queue.ts';
import type { TickOutcome } from '../sampling/sampling-loop.ts';
import type { FailedOutcome } from './answer.ts';

type RequestOutcome = 'accepted' | 'rejected' | FailedOutcome;

/** Counts the outcome of samples and data points. Counters with known labels start at 0. */
export class OtlpMeter {
  readonly #ticks: Record<TickOutcome, number> = { ok: 0, failed: 0, missed: 0 };
  readonly #dropped = noDrops();
  readonly #requests: Record<RequestOutcome, number> = {
    accepted: 0,
    rejected: 0,
    busy: 0,
    refused: 0,
    error: 0,
    unreachable: 0,
  };
  readonly #durations = new DurationHistogram();
  #sent = 0;
  queued = 0;
  rejected = 0;
  retried = 0;
  deadLetters = 0;
  /** Undefined before the first request. */
  isUp: boolean | undefined;

  countTick(outcome: TickOutcome): void {
    this.#ticks[outcome]++;
  }

  countDropped(reason: DropReason, points: number): void {
    this.#dropped[reason] += points;
  }

  countRequest(outcome: RequestOutcome, durationMs: number): void {
    this.#requests[outcome]++;
    this.#durations.observe(durationMs);
  }

  countSent(points: number): void {
    this.#sent += points;
  }

  encode(format: Format, queue: QueueState, maxBytes: number, nowMs: number): string {
    const { oldestAtMs } = queue;
    const ageMs = oldestAtMs === undefined ? 0 : Math.max(0, nowMs - oldestAtMs);
    const add = (metric: HealthMetric, values: FamilyValues): string => familyText(format, metric, values);
    return [
      add(metrics.up, this.isUp === undefined ? undefined : Number(this.isUp)),
      add(metrics.queueBytes, queue.bytes),
      add(metrics.queueMaxBytes, maxBytes),
      add(metrics.queuePoints, queue.documents),
      add(metrics.oldestAge, msToSeconds(ageMs)),
      add(metrics.ticks, this.#ticks),
      add(metrics.queued, this.queued),
      add(metrics.sent, this.#sent),
      add(metrics.rejected, this.rejected),
      add(metrics.retried, this.retried),
      add(metrics.dropped, this.#dropped),
      add(metrics.deadLetters, this.deadLetters),
      add(metrics.requests, this.#requests),
      this.#durations.encode(format, metrics.requestDuration),
    ].join('');
  }
}

import type { HealthMetric } from '../../model/catalogue/metric.ts';
import { otlpMetrics as metrics } from '../../model/catalogue/otlp.ts';
import { msToSeconds } from '../../model/units.ts';
import { DurationHistogram } from '../prometheus/duration-histogram.ts';
import { type Format, familyHead, labelPairs, number } from '../prometheus/text.ts';
import type { DropReason, QueueState } from '../queue/queue.ts';
import type { TickOutcome } from '../sampling/sampling-loop.ts';
import type { FailedOutcome } from './answer.ts';

type RequestOutcome = 'accepted' | 'rejected' | FailedOutcome;

/** Counts what becomes of samples and data points. A counter with known labels is there from the start, at 0. */
export class OtlpMeter {
  readonly #ticks: Record<TickOutcome, number> = { ok: 0, failed: 0, missed: 0 };
  readonly #dropped: Record<DropReason, number> = { queue_full: 0, too_old: 0, disk: 0, damaged: 0 };
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
    return [
      this.isUp === undefined ? '' : one(format, metrics.up, Number(this.isUp)),
      one(format, metrics.queueBytes, queue.bytes),
      one(format, metrics.queueMaxBytes, maxBytes),
      one(format, metrics.queuePoints, queue.documents),
      one(format, metrics.oldestAge, msToSeconds(ageMs)),
      byLabel(format, metrics.ticks, this.#ticks),
      one(format, metrics.queued, this.queued),
      one(format, metrics.sent, this.#sent),
      one(format, metrics.rejected, this.rejected),
      one(format, metrics.retried, this.retried),
      byLabel(format, metrics.dropped, this.#dropped),
      one(format, metrics.deadLetters, this.deadLetters),
      byLabel(format, metrics.requests, this.#requests),
      this.#durations.encode(format, metrics.requestDuration),
    ].join('');
  }
}

function one(format: Format, metric: HealthMetric, value: number): string {
  return `${familyHead(format, metric)}${metric.name} ${number(value)}\n`;
}

function byLabel(format: Format, metric: HealthMetric, values: Readonly<Record<string, number>>): string {
  const lines = Object.entries(values).map(
    ([value, count]) => `${metric.name}{${labelPairs({ [metric.labels[0] ?? '']: value })}} ${count}\n`,
  );
  return familyHead(format, metric) + lines.join('');
}

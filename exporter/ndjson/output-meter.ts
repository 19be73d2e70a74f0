import type { HealthMetric } from '../../model/catalogue/metric.ts';
import { outputMetrics as metrics } from '../../model/catalogue/output.ts';
import type { TickOutcome } from '../documents/sampling-loop.ts';
import { type Format, familyHead, labelPairs } from '../prometheus/text.ts';
import type { OutputDropReason } from './line-writer.ts';

/** Counts what the output did with samples and documents. */
export class OutputMeter {
  readonly #ticks: Record<TickOutcome, number> = { ok: 0, failed: 0, missed: 0 };
  readonly #dropped: Record<OutputDropReason, number> = { buffer_full: 0, failed: 0 };
  #documents = 0;

  countTick(outcome: TickOutcome): void {
    this.#ticks[outcome]++;
  }

  countWritten(documents: number): void {
    this.#documents += documents;
  }

  countDropped(reason: OutputDropReason, documents: number): void {
    this.#dropped[reason] += documents;
  }

  encode(format: Format, bufferedBytes: number): string {
    return (
      family(format, metrics.documents, { '': this.#documents }) +
      family(format, metrics.dropped, this.#dropped) +
      family(format, metrics.buffered, { '': bufferedBytes }) +
      family(format, metrics.ticks, this.#ticks)
    );
  }
}

/** A series for each value of its label; a metric without one has the value ''. */
function family(format: Format, metric: HealthMetric, values: Readonly<Record<string, number>>): string {
  const [label] = metric.labels;
  let text = familyHead(format, metric);
  for (const [value, count] of Object.entries(values)) {
    text += `${metric.name}${label === undefined ? '' : `{${labelPairs({ [label]: value })}}`} ${count}\n`;
  }
  return text;
}

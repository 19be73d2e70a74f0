import { outputMetrics as metrics } from '../../model/catalogue/output.ts';
import { familyText } from '../prometheus/family-text.ts';
import type { Format } from '../prometheus/text.ts';
import type { TickOutcome } from '../sampling/sampling-loop.ts';
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
      familyText(format, metrics.documents, this.#documents) +
      familyText(format, metrics.dropped, this.#dropped) +
      familyText(format, metrics.buffered, bufferedBytes) +
      familyText(format, metrics.ticks, this.#ticks)
    );
  }
}

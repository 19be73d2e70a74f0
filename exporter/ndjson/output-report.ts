import { textWithCode } from '../../model/virtune-error.ts';
import { RepeatFilter } from '../repeat-filter.ts';
import type { OutputDropReason } from './line-writer.ts';
import { type OutputError, slowError, unwrittenError } from './output-error.ts';

export interface OutputReportParts {
  /** Where documents go, as messages name it. */
  readonly target: string;
  readonly log: (message: string) => void;
  readonly onClosed: (error: OutputError) => void;
}

/** Logs why documents are dropped, at most once per minute, and when they are written again. */
export class OutputReport {
  readonly #parts: OutputReportParts;
  readonly #repeats: RepeatFilter;
  /** Why documents were last dropped; absent once writing works again. */
  #trouble: OutputDropReason | undefined;
  /** Whether the failure was logged: only then is its end logged. */
  #isLogged = false;
  /** Since the last logged count. */
  #droppedDocuments = 0;
  #isClosed = false;
  /** Dropped since then because they were not written in time. */
  #unwrittenDocuments = 0;

  constructor(parts: OutputReportParts) {
    this.#parts = parts;
    this.#repeats = new RepeatFilter((message) => {
      this.#isLogged = true;
      parts.log(message);
    });
  }

  dropped(reason: OutputDropReason, documents: number): void {
    if (this.#isClosed && reason === 'buffer_full') {
      this.#unwrittenDocuments += documents;
      return;
    }
    this.#droppedDocuments += documents;
    if (reason === 'buffer_full') this.#begin(reason, slowError(this.#parts.target));
  }

  /** A write failed; its documents were dropped. */
  failed(error: OutputError): void {
    if (error.code !== 'OUTPUT_CLOSED') return this.#begin('failed', error);
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#parts.onClosed(error);
  }

  /** @param bufferedBytes what is still buffered */
  written(bufferedBytes: number): void {
    // A slow reader frees a little space and falls behind again.
    if (this.#trouble === undefined || (this.#trouble === 'buffer_full' && bufferedBytes > 0)) return;
    this.#trouble = undefined;
    if (!this.#isLogged) return;
    this.#parts.log(
      `output: writing to ${this.#parts.target} works again; ${this.#droppedDocuments} documents were dropped`,
    );
    this.#isLogged = false;
    this.#droppedDocuments = 0;
  }

  /** Call at the start of a shutdown: a reader that goes away or is too slow from now on is not reported. */
  close(): void {
    this.#isClosed = true;
  }

  /** Call at the end of a shutdown: logs how many documents were not written in time. */
  ended(): void {
    if (this.#unwrittenDocuments === 0) return;
    const error = unwrittenError(this.#parts.target, this.#unwrittenDocuments);
    this.#parts.log(`output: ${textWithCode(error)}`);
  }

  #begin(reason: OutputDropReason, error: OutputError): void {
    this.#trouble = reason;
    this.#repeats.log(`output: ${error.message}; documents are dropped [${error.code}]`);
  }
}

import { setImmediate } from 'node:timers/promises';
import { safeJson } from '../../model/json-text.ts';
import { CHARS_PER_TURN, type Document } from '../documents/documents.ts';
import { SamplingLoops } from '../documents/sampling-loops.ts';
import type { HostExporter } from '../host-exporter.ts';
import type { Format } from '../prometheus/text.ts';
import { type Destination, openFile, openStandardOutput } from './destination.ts';
import { LineWriter } from './line-writer.ts';
import type { OutputError } from './output-error.ts';
import { OutputMeter } from './output-meter.ts';
import { OutputReport } from './output-report.ts';

/** Set by flags. */
export interface OutputOptions {
  /** Absent for standard output. */
  readonly file?: string | undefined;
  readonly intervalMs: number;
  readonly namespace: string;
}

export interface OutputParts {
  readonly options: OutputOptions;
  readonly version: string;
  readonly log: (message: string) => void;
  /** Called once when the reader of standard output is gone, so that nothing can be written any more. */
  readonly onClosed: (error: OutputError) => void;
}

/** About one sample of 2,000 VMs; if the reader falls further behind, documents are dropped. */
const BUFFER_MAX_BYTES = 16 * 1024 * 1024;
const GRACE_MS = 1_000;

/** Documents as lines of JSON, for other pipelines: the same that a search server gets. */
export class NdjsonOutput {
  readonly #meter = new OutputMeter();
  readonly #report: OutputReport;
  readonly #writer: LineWriter;
  readonly #loops: SamplingLoops;

  private constructor({ options, version, log, onClosed }: OutputParts, destination: Destination) {
    const report = new OutputReport({ target: destination.target, log, onClosed });
    this.#report = report;
    this.#writer = new LineWriter({
      destination,
      maxBytes: BUFFER_MAX_BYTES,
      onWritten: (documents) => {
        this.#meter.countWritten(documents);
        report.written(this.#writer.bufferedBytes);
      },
      onDrop: (reason, documents) => {
        this.#meter.countDropped(reason, documents);
        report.dropped(reason, documents);
      },
      onFailure: (error) => {
        this.#meter.countWritten(error.writtenLines);
        report.failed(error);
      },
    });
    this.#loops = new SamplingLoops({
      version,
      namespace: options.namespace,
      intervalMs: options.intervalMs,
      metricbeatCompat: false,
      meter: this.#meter,
      deliver: (_tick, documents) => this.#write(documents),
      unknown: (field) => log(`output: ${field} has no field and is not written; please report it`),
    });
  }

  /** @throws OutputError when the file cannot be written */
  static async open(parts: OutputParts): Promise<NdjsonOutput> {
    const { file } = parts.options;
    return new NdjsonOutput(parts, await (file === undefined ? openStandardOutput() : openFile(file)));
  }

  /** Samples these hosts from now on, and no others. */
  watch(hosts: Iterable<HostExporter>): Promise<void> {
    return this.#loops.watch(hosts);
  }

  /** Call after the file was renamed. @throws OutputError; the old file then stays in use */
  reopen(): Promise<void> {
    return this.#writer.reopen();
  }

  /** Its own metrics, for a scrape. */
  text(format: Format): string {
    return this.#meter.encode(format, this.#writer.bufferedBytes);
  }

  async close(): Promise<void> {
    this.#report.close();
    await this.watch([]);
    await this.#writer.close(GRACE_MS);
    this.#report.ended();
  }

  async #write(documents: Iterable<Document>): Promise<void> {
    let text = '';
    let count = 0;
    for (const { body } of documents) {
      text += `${safeJson(body)}\n`;
      count++;
      if (text.length < CHARS_PER_TURN) continue;
      this.#writer.write(text, count);
      text = '';
      count = 0;
      // Thousands of VMs must not hold up a scrape.
      await setImmediate();
    }
    if (count > 0) this.#writer.write(text, count);
  }
}

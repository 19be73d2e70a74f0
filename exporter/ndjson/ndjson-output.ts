import { setImmediate } from 'node:timers/promises';
import { CHARS_PER_TURN, type Document } from '../documents/documents.ts';
import { SamplingLoops } from '../documents/sampling-loops.ts';
import type { HostExporter } from '../host-exporter.ts';
import type { Format } from '../prometheus/text.ts';
import { RepeatFilter } from '../repeat-filter.ts';
import { openFile, openStandardOutput } from './destination.ts';
import { LineWriter } from './line-writer.ts';
import { OutputMeter } from './output-meter.ts';

/** As the flags give it. */
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
}

/** About the samples of 2,000 VMs; a reader that is further behind loses documents. */
const BUFFER_MAX_BYTES = 16 * 1024 * 1024;
const GRACE_MS = 1_000;

/** Documents as lines of JSON, for other pipelines: the same that a search server gets. */
export class NdjsonOutput {
  readonly #meter = new OutputMeter();
  readonly #writer: LineWriter;
  readonly #loops: SamplingLoops;

  private constructor(
    { options, version, log }: OutputParts,
    destination: Awaited<ReturnType<typeof openFile>>,
  ) {
    const repeats = new RepeatFilter(log);
    const report = (what: string): void => repeats.log(`output: ${what}`);
    this.#writer = new LineWriter({
      destination,
      maxBytes: BUFFER_MAX_BYTES,
      onWritten: (documents) => this.#meter.countWritten(documents),
      onDrop: (reason, documents) => {
        this.#meter.countDropped(reason, documents);
        if (reason === 'buffer_full') report('its reader is too slow, so documents are dropped');
      },
      onFailure: (error) => report(`it cannot be written, so documents are dropped: ${error.message}`),
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
    return new NdjsonOutput(parts, file === undefined ? openStandardOutput() : await openFile(file));
  }

  /** Samples these hosts from now on, and no others. */
  watch(hosts: Iterable<HostExporter>): Promise<void> {
    return this.#loops.watch(hosts);
  }

  /** After the file was renamed. @throws OutputError: the old one stays in use */
  reopen(): Promise<void> {
    return this.#writer.reopen();
  }

  /** Its own metrics, for a scrape. */
  text(format: Format): string {
    return this.#meter.encode(format, this.#writer.bufferedBytes);
  }

  async close(): Promise<void> {
    await this.watch([]);
    await this.#writer.close(GRACE_MS);
  }

  async #write(documents: Iterable<Document>): Promise<void> {
    let text = '';
    let count = 0;
    for (const { body } of documents) {
      text += `${body}\n`;
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

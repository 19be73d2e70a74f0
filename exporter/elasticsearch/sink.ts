import { join } from 'node:path';
import { textWithCode } from '../../model/virtune-error.ts';
import type { Document } from '../documents/documents.ts';
import { SamplingLoops } from '../documents/sampling-loops.ts';
import type { HostExporter } from '../host-exporter.ts';
import { onceLog } from '../once-log.ts';
import type { Format } from '../prometheus/text.ts';
import { DiskQueue, type QueueOptions } from '../queue/queue.ts';
import { RepeatFilter } from '../repeat-filter.ts';
import { BulkClient } from './bulk-client.ts';
import { BulkSender } from './bulk-sender.ts';
import { openClient } from './client.ts';
import { DeadLetters } from './dead-letters/dead-letters.ts';
import { NewestDocuments } from './newest-documents.ts';
import { type PackHead, pack } from './pack.ts';
import { parkedSender } from './parked-sender.ts';
import { Parking } from './parking.ts';
import type { ServerSettings, SinkSettings } from './settings.ts';
import { SinkMeter } from './sink-meter.ts';

export interface SinkParts {
  readonly settings: SinkSettings;
  /** Rereads the files with secrets. */
  readonly reread: () => Promise<ServerSettings>;
  readonly version: string;
  readonly log: (message: string) => void;
}

/** How long shutdown waits for the queue to drain; the rest is sent after the next start. */
const GRACE_MS = 3_000;

/** Sends samples of hosts to a search server. */
export class ElasticsearchSink {
  readonly #parts: SinkParts;
  readonly #queue: DiskQueue;
  readonly #meter: SinkMeter;
  readonly #sender: BulkSender;
  readonly #parking: Parking;
  readonly #newest: NewestDocuments;
  readonly #loops: SamplingLoops;

  private constructor(
    parts: SinkParts,
    {
      queue,
      meter,
      parking,
      sender,
      newest,
    }: {
      queue: DiskQueue;
      meter: SinkMeter;
      parking: Parking;
      sender: BulkSender;
      newest: NewestDocuments;
    },
  ) {
    this.#parts = parts;
    this.#queue = queue;
    this.#meter = meter;
    this.#parking = parking;
    this.#sender = sender;
    this.#newest = newest;
    const { settings, log, version } = parts;
    this.#loops = new SamplingLoops({
      version,
      namespace: settings.namespace,
      intervalMs: settings.intervalMs,
      metricbeatCompat: settings.metricbeatCompat,
      meter,
      deliver: ({ hostId, atMs }, documents) => this.#append(hostId, atMs, documents),
      unknown: (field) =>
        log(`elasticsearch: ${field} has no field in the mapping and is not sent; please report it`),
    });
    this.#sender.start();
  }

  /** @throws QueueError when the queue's folder cannot be used */
  static async open(parts: SinkParts): Promise<ElasticsearchSink> {
    const { settings } = parts;
    const meter = new SinkMeter();
    const log = (message: string): void => parts.log(`elasticsearch: ${message}`);
    const repeats = new RepeatFilter(log);
    const options: Pick<QueueOptions, 'kind' | 'maxAgeMs' | 'now' | 'onDrop' | 'onTrouble'> = {
      kind: 'elasticsearch',
      maxAgeMs: settings.queueMaxAgeMs,
      now: Date.now,
      onDrop: (reason, documents) => {
        meter.countDropped(reason, documents);
        repeats.log(
          `the queue: documents were dropped (${reason}); virtune_elasticsearch_dropped_total counts them`,
        );
      },
      onTrouble: (error) => repeats.log(`the queue: ${textWithCode(error)}`),
    };
    let parkedBytes = (): number => 0;
    const queue = await DiskQueue.open({
      ...options,
      dir: settings.queueDir,
      maxBytes: () => settings.queueMaxBytes - parkedBytes(),
    });
    const newest = new NewestDocuments();
    const common = {
      deadLetters: new DeadLetters(settings.queueDir, settings.deadLettersMaxBytes, (trouble) =>
        repeats.log(`dead letters: ${textWithCode(trouble)}`),
      ),
      meter,
      newest,
      batchBytes: settings.batchBytes,
      now: Date.now,
      random: Math.random,
      log,
    };
    const notes = onceLog(log);
    // A client per sender: a failure for a parked stream must not end the requests of the others.
    const clientOf = (): BulkClient =>
      new BulkClient(
        async () => openClient(await parts.reread(), parts.version),
        settings.requestTimeoutMs,
        Date.now,
        notes,
      );
    const parking = await Parking.open({
      dir: join(settings.queueDir, 'parked'),
      maxBytes: settings.queueMaxBytes / 2,
      queue: options,
      senderOf: (parked, stream) => parkedSender(common, parked, stream, clientOf()),
    }).catch(async (error) => {
      await queue.close();
      throw error;
    });
    parkedBytes = () => parking.bytes;
    const sender = new BulkSender({
      ...common,
      queue,
      inherited: queue.inherited,
      client: clientOf(),
      parking,
      onServer: (isUp) => {
        meter.serverUp = isUp;
      },
      target: 'the server',
    });
    return new ElasticsearchSink(parts, { queue, meter, parking, sender, newest });
  }

  get settings(): SinkSettings {
    return this.#parts.settings;
  }

  /** Samples these hosts from now on, and no others. `local` is the one behind /metrics. */
  async watch(local: HostExporter | undefined, others: Iterable<HostExporter> = []): Promise<void> {
    const { hostId } = this.settings;
    // A configured id can belong to one host only.
    const ids = local === undefined || hostId === undefined ? undefined : new Map([[local, hostId]]);
    await this.#loops.watch(local === undefined ? others : [local, ...others], ids);
  }

  /** Its own metrics, for a scrape. */
  text(format: Format): string {
    const { queueMaxBytes } = this.settings;
    return this.#meter.encode(format, this.#queue.state, queueMaxBytes, Date.now(), this.#parking.states);
  }

  async close(): Promise<void> {
    await this.watch(undefined);
    await this.#sender.stop(GRACE_MS);
    await this.#parking.close();
    await this.#queue.close();
  }

  async #append(hostId: string, atMs: number, documents: Iterable<Document>): Promise<void> {
    const head = { host: hostId, at: atMs, namespace: this.settings.namespace };
    for await (const packed of pack(head, this.#noted(head, documents))) {
      this.#meter.queued += packed.documents;
      await this.#queue.append(packed.payload, packed.documents, atMs);
    }
  }

  *#noted(head: PackHead, documents: Iterable<Document>): Generator<Document> {
    for (const document of documents) {
      this.#newest.note(head, document);
      yield document;
    }
  }
}

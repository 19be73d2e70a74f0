import type { HostExporter } from '../host-exporter.ts';
import type { Format } from '../prometheus/text.ts';
import { BulkClient } from './bulk-client.ts';
import { BulkSender } from './bulk-sender.ts';
import { openClient } from './client.ts';
import { DeadLetters } from './dead-letters.ts';
import { Documents } from './documents.ts';
import { DiskQueue } from './queue/queue.ts';
import { SamplingLoop } from './sampling-loop.ts';
import type { ServerSettings, SinkSettings } from './settings.ts';
import { SinkMeter } from './sink-meter.ts';

export interface SinkParts {
  readonly settings: SinkSettings;
  /** Reads the files that hold secrets again. */
  readonly reread: () => ServerSettings;
  readonly version: string;
  readonly log: (message: string) => void;
}

/** How long the end of the process waits for what is still in the queue; the rest is sent after the next start. */
const GRACE_MS = 3_000;

/** Samples of hosts, on their way into a search server. */
export class ElasticsearchSink {
  readonly #parts: SinkParts;
  readonly #queue: DiskQueue;
  readonly #meter: SinkMeter;
  readonly #sender: BulkSender;
  #loops = new Map<HostExporter, SamplingLoop>();

  private constructor(parts: SinkParts, queue: DiskQueue, meter: SinkMeter) {
    this.#parts = parts;
    this.#queue = queue;
    this.#meter = meter;
    const log = (message: string): void => parts.log(`elasticsearch: ${message}`);
    this.#sender = new BulkSender({
      queue,
      client: new BulkClient(() => openClient(parts.reread(), parts.version), Date.now, log),
      deadLetters: new DeadLetters(parts.settings.queueDir, (error) => log(error.message)),
      meter,
      batchBytes: parts.settings.batchBytes,
      now: Date.now,
      random: Math.random,
      log,
    });
    this.#sender.start();
  }

  /** @throws QueueError when the queue's folder cannot be used */
  static async open(parts: SinkParts): Promise<ElasticsearchSink> {
    const { settings } = parts;
    const meter = new SinkMeter();
    const onTrouble = sayOnceAMinute((message) => parts.log(`elasticsearch: the queue: ${message}`));
    const queue = await DiskQueue.open({
      dir: settings.queueDir,
      maxBytes: settings.queueMaxBytes,
      maxAgeMs: settings.queueMaxAgeMs,
      now: Date.now,
      onDrop: (reason, documents) => {
        meter.countDropped(reason, documents);
        onTrouble(
          new Error(`documents were dropped (${reason}); virtune_elasticsearch_dropped_total counts them`),
        );
      },
      onTrouble,
    });
    return new ElasticsearchSink(parts, queue, meter);
  }

  get settings(): SinkSettings {
    return this.#parts.settings;
  }

  /** Samples these hosts from now on, and no others. `local` is the one behind /metrics. */
  async watch(local: HostExporter | undefined, others: Iterable<HostExporter> = []): Promise<void> {
    const loops = new Map<HostExporter, SamplingLoop>();
    for (const host of local === undefined ? others : [local, ...others]) {
      const known = this.#loops.get(host);
      // An id that the settings give can be only one host's.
      loops.set(host, known ?? this.#loopOf(host, host === local ? this.settings.hostId : undefined));
      if (known === undefined) loops.get(host)?.start();
    }
    const gone = [...this.#loops].filter(([host]) => !loops.has(host));
    this.#loops = loops;
    await Promise.all(gone.map(([, beat]) => beat.stop()));
  }

  /** Its own metrics, for a scrape. */
  text(format: Format): string {
    return this.#meter.encode(format, this.#queue.state, this.settings.queueMaxBytes, Date.now());
  }

  async close(): Promise<void> {
    await this.watch(undefined);
    await this.#sender.stop(GRACE_MS);
    await this.#queue.close();
  }

  #loopOf(host: HostExporter, hostId: string | undefined): SamplingLoop {
    const { settings, log } = this.#parts;
    const address = addressOf(host.settings.uri);
    return new SamplingLoop({
      sampler: host.sampler,
      documents: new Documents({
        groups: host.settings.groups,
        address,
        hostId,
        unknown: (field) =>
          log(`elasticsearch: ${field} has no field in the mapping and is not sent; please report it`),
      }),
      queue: this.#queue,
      meter: this.#meter,
      namespace: settings.namespace,
      address,
      metricbeatCompat: settings.metricbeatCompat,
      intervalMs: settings.intervalMs,
      now: Date.now,
      onFailure: host.onFailure,
    });
  }
}

/** A URI without its parameters, which name key files and sockets, and without a user. */
export function addressOf(uri: string): string {
  return uri.replace(/[?#].*$/s, '').replace(/\/\/[^/@]*@/, '//');
}

function sayOnceAMinute(say: (message: string) => void): (error: Error) => void {
  const said = new Map<string, number>();
  return ({ message }) => {
    const nowMs = performance.now();
    if (nowMs - (said.get(message) ?? Number.NEGATIVE_INFINITY) < 60_000) return;
    if (said.size > 100) said.clear();
    said.set(message, nowMs);
    say(message);
  };
}

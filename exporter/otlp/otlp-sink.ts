import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import { textWithCode } from '../../model/virtune-error.ts';
import type { HostExporter } from '../host-exporter.ts';
import type { Format } from '../prometheus/text.ts';
import { DiskQueue } from '../queue/queue.ts';
import { RepeatFilter } from '../repeat-filter.ts';
import { HostLoops } from '../sampling/host-loops.ts';
import type { TickTarget } from '../sampling/sampling-loop.ts';
import type { Sink } from '../sink-slot.ts';
import { DeadRequests } from './dead-requests.ts';
import { HostRequests, type HostState } from './host-requests.ts';
import { openOtlpClient, shownUrl } from './otlp-client.ts';
import { OtlpMeter } from './otlp-meter.ts';
import { OtlpSender } from './otlp-sender.ts';
import type { OtlpRequest } from './requests.ts';
import type { OtlpSettings, ReceiverSettings } from './settings.ts';

export interface OtlpSinkParts {
  readonly settings: OtlpSettings;
  /** Rereads the files with secrets. */
  readonly reread: () => Promise<ReceiverSettings>;
  readonly version: string;
  readonly log: (message: string) => void;
}

const compress = promisify(gzip);
/** Measured on documents: level 1 takes a third of the default level's time, for a tenth more bytes. */
const LEVEL = 1;
/** How long shutdown waits for the queue to drain; the rest is sent after the next start. */
const GRACE_MS = 3_000;

/** Sends samples of hosts to an OTLP receiver. */
export class OtlpSink implements Sink {
  readonly settings: OtlpSettings;
  readonly #version: string;
  readonly #queue: DiskQueue;
  readonly #meter: OtlpMeter;
  readonly #sender: OtlpSender;
  readonly #loops: HostLoops;

  private constructor(
    { settings, version }: OtlpSinkParts,
    queue: DiskQueue,
    meter: OtlpMeter,
    sender: OtlpSender,
  ) {
    this.settings = settings;
    this.#version = version;
    this.#queue = queue;
    this.#meter = meter;
    this.#sender = sender;
    const { intervalMs } = settings;
    this.#loops = new HostLoops({ intervalMs, meter, targetOf: (host) => this.#targetOf(host) });
    sender.start();
  }

  /** @throws QueueError when the queue's folder cannot be used */
  static async open(parts: OtlpSinkParts): Promise<OtlpSink> {
    const { settings, reread, version } = parts;
    const meter = new OtlpMeter();
    const log = (message: string): void => parts.log(`otlp: ${message}`);
    const repeats = new RepeatFilter(log);
    const queue = await DiskQueue.open({
      dir: settings.queueDir,
      kind: 'otlp',
      maxBytes: settings.queueMaxBytes,
      maxAgeMs: settings.queueMaxAgeMs,
      now: Date.now,
      onDrop: (reason, points) => {
        meter.countDropped(reason, points);
        repeats.log(
          `the queue: data points were dropped (${reason}); virtune_otlp_dropped_total counts them`,
        );
      },
      onTrouble: (error) => repeats.log(`the queue: ${textWithCode(error)}`),
    });
    const sender = new OtlpSender({
      queue,
      open: async () => openOtlpClient(await reread(), version),
      address: shownUrl(settings.url),
      deadRequests: new DeadRequests(settings.queueDir, settings.deadLettersMaxBytes, (trouble) =>
        repeats.log(`dead letters: ${textWithCode(trouble)}`),
      ),
      meter,
      now: Date.now,
      random: Math.random,
      log,
    });
    return new OtlpSink(parts, queue, meter, sender);
  }

  /** Samples these hosts from now on, and no others. */
  watch(local: HostExporter | undefined, others: Iterable<HostExporter>): Promise<void> {
    return this.#loops.watch(local === undefined ? others : [local, ...others]);
  }

  /** Its own metrics, for a scrape. */
  text(format: Format): string {
    return this.#meter.encode(format, this.#queue.state, this.settings.queueMaxBytes, Date.now());
  }

  async close(): Promise<void> {
    await this.watch(undefined, []);
    await this.#sender.stop(GRACE_MS);
    await this.#queue.close();
  }

  #targetOf({ settings, sampler, scrapes }: HostExporter): TickTarget {
    const { requestBytes: maxBytes, resourceAttributes } = this.settings;
    const requests = new HostRequests({
      name: settings.name,
      hostId: settings.hostId,
      groups: settings.groups,
      version: this.#version,
      resourceAttributes,
      maxBytes,
    });
    const state = (): HostState => ({ health: sampler.health, inMaintenance: scrapes.inMaintenance });
    return {
      sampled: (sample, atMs) => this.#append(requests.of(sample, state(), atMs), atMs),
      failed: ({ atMs }, identity) => this.#append(requests.ofFailure(state(), atMs, identity), atMs),
    };
  }

  async #append(requests: AsyncIterable<OtlpRequest>, atMs: number): Promise<void> {
    for await (const { body, points } of requests) {
      this.#meter.queued += points;
      await this.#queue.append(await compress(body, { level: LEVEL }), points, atMs);
    }
  }
}

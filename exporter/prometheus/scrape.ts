import { setImmediate } from 'node:timers/promises';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import { DEFAULT_GROUPS, type GroupName } from '../../model/catalogue/catalogue.ts';
import type { HostSample } from '../../sampler/host-sample.ts';
import type { Sampler } from '../../sampler/sampler.ts';
import { encodeHealth, encodeSample } from './encode.ts';
import { FORMATS, type Format } from './text.ts';

const compress = promisify(gzip);

/** Measured on a scrape: a third of the time of the default level, for an eighth more bytes. */
const GZIP_LEVEL = 3;

/** About 10 ms of encoding. */
const CHARS_PER_TURN = 512 * 1024;

/** prom-client's own, but gauges whose names end in _total, which promtool rightly refuses. */
const MISNAMED = [
  'nodejs_active_handles_total',
  'nodejs_active_requests_total',
  'nodejs_active_resources_total',
];

export interface ScrapeBody {
  readonly contentType: string;
  readonly bytes: Buffer;
  readonly gzipped: boolean;
}

export interface ScrapesOptions {
  /** virtune's own. */
  readonly version: string;
  /** What to write of a sample; the catalogue's defaults when not given. */
  readonly groups?: ReadonlySet<GroupName> | undefined;
  readonly onFailure: (error: Error) => void;
}

type SampleSource = Pick<Sampler, 'sample' | 'health'>;

/**
 * Turns samples into scrapes. Scrapers that ask at once share one sample, one encoding and one compression.
 * prom-client's registry holds the process's own metrics, and its text closes every scrape.
 */
export class Scrapes {
  readonly #source: SampleSource;
  readonly #groups: ReadonlySet<GroupName>;
  readonly #registries: Readonly<Record<Format, Registry>>;
  readonly #scrapes: Counter<'outcome'>;
  readonly #duration: Histogram;
  readonly #gathering = new Map<Format, Promise<string>>();
  readonly #onFailure: (error: Error) => void;
  /** Keyed by what they were made from, and gone with it. */
  readonly #bodies = new WeakMap<HostSample, Map<string, Promise<ScrapeBody>>>();

  constructor(source: SampleSource, { version, groups = DEFAULT_GROUPS, onFailure }: ScrapesOptions) {
    this.#source = source;
    this.#groups = groups;
    this.#onFailure = onFailure;
    const registry = new Registry();
    const registers = [registry];
    collectDefaultMetrics({ register: registry });
    for (const name of MISNAMED) registry.removeSingleMetric(name);
    new Gauge({
      name: 'virtune_build_info',
      help: 'Version of virtune.',
      labelNames: ['version'],
      registers,
    }).set({ version }, 1);
    this.#scrapes = new Counter({
      name: 'virtune_scrapes_total',
      help: 'Scrapes answered, by whether the host could be asked.',
      labelNames: ['outcome'],
      registers,
    });
    this.#duration = new Histogram({
      name: 'virtune_scrape_duration_seconds',
      help: 'Time from a scrape request to its text, in seconds.',
      buckets: [0.01, 0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10],
      registers,
    });
    const open = new Registry();
    open.setContentType(Registry.OPENMETRICS_CONTENT_TYPE as never);
    for (const metric of registry.getMetricsAsArray()) open.registerMetric(metric as never);
    this.#registries = { text: registry, openMetrics: open };
  }

  /** Never rejects for a host that cannot be asked: that is `libvirt_up 0`. */
  async scrape(format: Format, gzipped: boolean): Promise<ScrapeBody> {
    const startedMs = performance.now();
    // Gathered while libvirt works.
    const own = this.#ownText(format);
    const sample = await this.#sample();
    const body = await this.#bodyOf(sample, format, gzipped, own);
    this.#scrapes.inc({ outcome: sample === undefined ? 'failed' : 'ok' });
    this.#duration.observe((performance.now() - startedMs) / 1_000);
    return body;
  }

  async #sample(): Promise<HostSample | undefined> {
    try {
      return await this.#source.sample();
    } catch (error) {
      this.#onFailure(error as Error);
      return undefined;
    }
  }

  /** Made once for each sample and form, whoever asks for it first. */
  #bodyOf(
    sample: HostSample | undefined,
    format: Format,
    gzipped: boolean,
    own: Promise<string>,
  ): Promise<ScrapeBody> {
    if (sample === undefined) return this.#make(sample, format, gzipped, own);
    let forms = this.#bodies.get(sample);
    if (forms === undefined) {
      forms = new Map();
      this.#bodies.set(sample, forms);
    }
    const key = `${format} ${gzipped}`;
    let body = forms.get(key);
    if (body === undefined) {
      body = this.#make(sample, format, gzipped, own);
      forms.set(key, body);
    }
    return body;
  }

  /** The process's own metrics; whoever asks while they are being gathered gets those. */
  #ownText(format: Format): Promise<string> {
    let text = this.#gathering.get(format);
    if (text === undefined) {
      text = this.#registries[format].metrics();
      this.#gathering.set(format, text);
      void text.finally(() => this.#gathering.delete(format));
    }
    return text;
  }

  async #make(
    sample: HostSample | undefined,
    format: Format,
    gzipped: boolean,
    own: Promise<string>,
  ): Promise<ScrapeBody> {
    const host = sample === undefined ? [] : await encodeInTurns(sample, format, this.#groups);
    const health = [...encodeHealth(this.#source.health, sample !== undefined, format)].join('');
    // The registry's OpenMetrics text ends with the `# EOF` that must come last.
    const plain = Buffer.concat([...host, Buffer.from(health), Buffer.from(await own)]);
    return {
      contentType: FORMATS[format],
      bytes: gzipped ? await compress(plain, { level: GZIP_LEVEL }) : plain,
      gzipped,
    };
  }
}

/** In pieces, with a turn of the event loop between: thousands of VMs must not hold up a keepalive. */
async function encodeInTurns(
  sample: HostSample,
  format: Format,
  groups: ReadonlySet<GroupName>,
): Promise<Buffer[]> {
  const pieces: Buffer[] = [];
  let sizeSinceTurn = 0;
  for (const piece of encodeSample(sample, format, groups)) {
    pieces.push(Buffer.from(piece));
    sizeSinceTurn += piece.length;
    if (sizeSinceTurn > CHARS_PER_TURN) {
      sizeSinceTurn = 0;
      await setImmediate();
    }
  }
  return pieces;
}

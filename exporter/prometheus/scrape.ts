import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import { Counter, Histogram, Registry } from 'prom-client';
import { DEFAULT_GROUPS, type GroupName } from '../../model/catalogue/catalogue.ts';
import { type CompatName, compatGroups } from '../../model/catalogue/compat.ts';
import { exporterMetrics } from '../../model/catalogue/exporter.ts';
import type { Group } from '../../model/catalogue/metric.ts';
import { msToSeconds } from '../../model/units.ts';
import { VirtuneError } from '../../model/virtune-error.ts';
import { timerMs } from '../../sampler/deadline.ts';
import { inTurns } from '../../sampler/event-loop.ts';
import type { HostSample } from '../../sampler/host-sample.ts';
import type { Sampler } from '../../sampler/sampler.ts';
import { CallMeter } from './call-meter.ts';
import { encodeHealth, encodeSample } from './encode.ts';
import type { ProcessMetrics } from './process-metrics.ts';
import { type Registries, registriesOf } from './registries.ts';
import { FORMATS, type Format } from './text.ts';
import { TextBuffer } from './text-buffer.ts';

const compress = promisify(gzip);

/** Measured on a scrape: a third of the time of the default level, for an eighth more bytes. */
const GZIP_LEVEL = 3;

export interface ScrapeBody {
  readonly contentType: string;
  readonly bytes: Buffer;
  readonly gzipped: boolean;
}

export interface ScrapesOptions {
  /** Groups to export; default: those of the catalogue. */
  readonly groups?: ReadonlySet<GroupName> | undefined;
  /** Other exporters whose metric names are exported too. */
  readonly compat?: readonly CompatName[] | undefined;
  /** Process metrics, if these scrapes include them. */
  readonly process?: ProcessMetrics | undefined;
  readonly inMaintenance?: boolean | undefined;
  readonly onFailure: (error: Error) => void;
}

/** No sample within the scraper's timeout. */
export class ScrapeTimeoutError extends VirtuneError {
  override readonly name = 'ScrapeTimeoutError';
  constructor(message: string, options?: ErrorOptions) {
    super('SCRAPE_TIMEOUT', message, options);
  }
}

type SampleSource = Pick<Sampler, 'sample' | 'health'>;

/**
 * Turns samples into scrapes. Concurrent scrapers share one sample, one encoding and one compression. The metrics of
 * the scrapes themselves are in a prom-client registry.
 */
export class Scrapes {
  /** Whether the host is in maintenance; a reload changes it without a new connection. */
  inMaintenance: boolean;
  readonly #source: SampleSource;
  readonly #groups: ReadonlySet<GroupName>;
  readonly #compat: readonly Group[];
  readonly #process: ProcessMetrics | undefined;
  readonly #registries: Registries;
  readonly #scrapes: Counter<'outcome'>;
  readonly #duration: Histogram;
  readonly #meter = new CallMeter();
  /** Buffer of the previous scrape, reused so that megabytes are not allocated each time. */
  #spare: Buffer | undefined;
  /** How long encoding and compressing a sample take, ms: reserved from the scraper's timeout. */
  #writeMs = 0;
  readonly #onFailure: (error: Error) => void;
  /** Weakly keyed by their sample, and collected with it. */
  readonly #bodies = new WeakMap<HostSample, Map<string, Promise<ScrapeBody>>>();

  constructor(
    source: SampleSource,
    { groups = DEFAULT_GROUPS, compat = [], process, inMaintenance = false, onFailure }: ScrapesOptions,
  ) {
    this.inMaintenance = inMaintenance;
    this.#source = source;
    this.#groups = groups;
    this.#compat = compat.map((name) => compatGroups[name]);
    this.#process = process;
    this.#onFailure = onFailure;
    const registry = new Registry();
    const registers = [registry];
    const { scrapes, scrapeDuration } = exporterMetrics;
    this.#scrapes = new Counter({
      name: scrapes.name,
      help: scrapes.help,
      labelNames: scrapes.labels,
      registers,
    });
    // Start at 0: Prometheus does not see a new series as an increase, which would hide the first failure.
    for (const outcome of ['ok', 'failed'] as const) this.#scrapes.inc({ outcome }, 0);
    this.#duration = new Histogram({
      name: scrapeDuration.name,
      help: scrapeDuration.help,
      buckets: [0.01, 0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10],
      registers,
    });
    this.#registries = registriesOf(registry);
  }

  /** Called for each call that a sampler's connections make. */
  readonly observeCall = this.#meter.observe;

  /**
   * Does not reject if the host cannot be sampled: that is `libvirt_up 0`. Samples within `budgetMs`, if the scraper
   * sets one, and omits VMs that do not answer in time.
   * @throws ScrapeTimeoutError when a shared sample, started with a larger budget, is not done in time
   */
  async scrape(format: Format, gzipped: boolean, budgetMs?: number): Promise<ScrapeBody> {
    const startedMs = performance.now();
    let outcome: 'ok' | 'failed' = 'failed';
    try {
      // Collected while waiting for libvirt.
      const ofProcess = this.#process?.text(format);
      const sample = await this.#sample(budgetMs);
      const body = await this.#bodyOf(sample, format, gzipped, ofProcess);
      if (sample !== undefined) outcome = 'ok';
      return body;
    } finally {
      // Include scrapes that got no body: they are the slowest.
      this.#scrapes.inc({ outcome });
      this.#duration.observe(msToSeconds(performance.now() - startedMs));
    }
  }

  async #sample(budgetMs: number | undefined): Promise<HostSample | undefined> {
    const sample = this.#source.sample(
      budgetMs === undefined ? undefined : Math.max(budgetMs - this.#writeMs, budgetMs / 2, BUDGET_MIN_MS),
    );
    try {
      return await (budgetMs === undefined ? sample : within(sample, timerMs(budgetMs)));
    } catch (error) {
      if (error instanceof ScrapeTimeoutError) throw error;
      this.#onFailure(error as Error);
      return undefined;
    }
  }

  /** Built once per sample and format. */
  #bodyOf(
    sample: HostSample | undefined,
    format: Format,
    gzipped: boolean,
    ofProcess: Promise<string> | undefined,
  ): Promise<ScrapeBody> {
    if (sample === undefined) return this.#make(sample, format, gzipped, ofProcess);
    let forms = this.#bodies.get(sample);
    if (forms === undefined) {
      forms = new Map();
      this.#bodies.set(sample, forms);
    }
    const key = `${format} ${gzipped}`;
    let body = forms.get(key);
    if (body === undefined) {
      body = this.#make(sample, format, gzipped, ofProcess);
      forms.set(key, body);
    }
    return body;
  }

  async #make(
    sample: HostSample | undefined,
    format: Format,
    gzipped: boolean,
    ofProcess: Promise<string> | undefined,
  ): Promise<ScrapeBody> {
    const startedMs = performance.now();
    const body = await this.#write(sample, format, gzipped, ofProcess);
    if (sample !== undefined) this.#writeMs = Math.max(performance.now() - startedMs, this.#writeMs * 0.9);
    return body;
  }

  async #write(
    sample: HostSample | undefined,
    format: Format,
    gzipped: boolean,
    ofProcess: Promise<string> | undefined,
  ): Promise<ScrapeBody> {
    const text = new TextBuffer(this.#spare);
    this.#spare = undefined;
    // Thousands of VMs must not hold up a keepalive.
    if (sample !== undefined) await inTurns(encodeSample(text, sample, format, this.#groups, this.#compat));
    encodeHealth(text, this.#source.health, sample !== undefined, format, this.inMaintenance);
    text.append(this.#meter.encode(format));
    text.append(withoutEnd(await this.#registries[format].metrics()));
    text.append(ofProcess === undefined ? '' : withoutEnd(await ofProcess));
    if (format === 'openMetrics') text.append(END);
    const contentType = FORMATS[format];
    if (!gzipped) return { contentType, bytes: text.bytes(), gzipped };
    const bytes = await compress(text.bytes(), { level: GZIP_LEVEL });
    // The uncompressed text is no longer needed; the next scrape is about as long.
    this.#spare = text.memory;
    return { contentType, bytes, gzipped };
  }
}

/** Terminates an OpenMetrics text; each registry adds one, and a scrape must have only one. */
const END = '# EOF\n';

function withoutEnd(text: string): string {
  return text.endsWith(END) ? text.slice(0, -END.length) : text;
}

/**
 * Others may share the sample: a client with a shorter timeout than this, by mistake or malice, waits no longer, but
 * does not cut the sample short for them.
 */
const BUDGET_MIN_MS = 500;

/** A tick may run slightly past its deadline to collect what it has. */
const GRACE_MS = 250;

async function within<T>(promise: Promise<T>, budgetMs: number): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () => reject(new ScrapeTimeoutError(`no sample within ${budgetMs} ms`)),
      timerMs(budgetMs + GRACE_MS),
    );
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

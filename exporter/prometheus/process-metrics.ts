import { collectDefaultMetrics, Gauge, Registry } from 'prom-client';
import { exporterMetrics } from '../../model/catalogue/exporter.ts';
import { msToSeconds } from '../../model/units.ts';
import { LoopDelay } from './loop-delay.ts';
import { type Registries, registriesOf } from './registries.ts';
import type { Format } from './text.ts';

/** Default metrics of prom-client that are removed. */
const LEFT_OUT = [
  // promtool refuses gauges whose names end in _total.
  'nodejs_active_handles_total',
  'nodejs_active_requests_total',
  'nodejs_active_resources_total',
  // Replaced by LoopDelay.
  ...['min', 'max', 'mean', 'stddev', 'p50', 'p90', 'p99'].map(
    (what) => `nodejs_eventloop_lag_${what}_seconds`,
  ),
];
/** Interval of prom-client's event loop timer, which cannot be disabled: practically never. */
const NEVER_MS = 2 ** 31 - 1;

/** Process metrics by prom-client: one instance per process, whatever hosts it exports. */
export class ProcessMetrics {
  /** Measures while scrapes are served. */
  readonly loopDelay: LoopDelay;
  readonly #registries: Registries;
  readonly #gathering = new Map<Format, Promise<string>>();
  #configLoaded = true;
  /** Further metrics that exist once per process. */
  also: (format: Format) => string = () => '';
  #configLoadedAtMs = Date.now();

  constructor(version: string) {
    const registry = new Registry();
    const registers = [registry];
    collectDefaultMetrics({ register: registry, eventLoopMonitoringPrecision: NEVER_MS });
    for (const name of LEFT_OUT) registry.removeSingleMetric(name);
    this.loopDelay = new LoopDelay(registry);
    const { build, configLoaded, configLoadedAt } = exporterMetrics;
    new Gauge({ name: build.name, help: build.help, labelNames: build.labels, registers }).set(
      { version },
      1,
    );
    const isLoaded = (): boolean => this.#configLoaded;
    const loadedAtMs = (): number => this.#configLoadedAtMs;
    new Gauge({
      name: configLoaded.name,
      help: configLoaded.help,
      registers,
      collect() {
        this.set(Number(isLoaded()));
      },
    });
    new Gauge({
      name: configLoadedAt.name,
      help: configLoadedAt.help,
      registers,
      collect() {
        this.set(msToSeconds(loadedAtMs()));
      },
    });
    this.#registries = registriesOf(registry);
  }

  /** Records whether the configuration just read is in use. */
  configRead(isLoaded: boolean): void {
    this.#configLoaded = isLoaded;
    if (isLoaded) this.#configLoadedAtMs = Date.now();
  }

  /** Concurrent callers share one collection. Ends with `# EOF` in OpenMetrics. */
  text(format: Format): Promise<string> {
    let text = this.#gathering.get(format);
    if (text === undefined) {
      text = this.#registries[format].metrics().then((own) => this.also(format) + own);
      this.#gathering.set(format, text);
      const done = (): boolean => this.#gathering.delete(format);
      text.then(done, done);
    }
    return text;
  }
}

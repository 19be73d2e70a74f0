import { collectDefaultMetrics, Gauge, Registry } from 'prom-client';
import { exporterMetrics } from '../../model/catalogue/exporter.ts';
import { msToSeconds } from '../../model/units.ts';
import { LoopDelay } from './loop-delay.ts';
import { type Registries, registriesOf } from './registries.ts';
import type { Format } from './text.ts';

/** prom-client's own that are left out. */
const LEFT_OUT = [
  // promtool refuses gauges whose names end in _total.
  'nodejs_active_handles_total',
  'nodejs_active_requests_total',
  'nodejs_active_resources_total',
  // LoopDelay has these.
  ...['min', 'max', 'mean', 'stddev', 'p50', 'p90', 'p99'].map(
    (what) => `nodejs_eventloop_lag_${what}_seconds`,
  ),
];
/** Its timer for the lag of the event loop, which cannot be left out, fires every so many ms: never. */
const NEVER_MS = 2 ** 31 - 1;

/** Metrics of the process, by prom-client: once per process, whatever hosts it exports. */
export class ProcessMetrics {
  /** To be measured while scrapes are answered. */
  readonly loopDelay: LoopDelay;
  readonly #registries: Registries;
  readonly #gathering = new Map<Format, Promise<string>>();
  #configTaken = true;
  /** Further metrics that exist once per process. */
  also: (format: Format) => string = () => '';
  #configTakenAtMs = Date.now();

  constructor(version: string) {
    const registry = new Registry();
    const registers = [registry];
    collectDefaultMetrics({ register: registry, eventLoopMonitoringPrecision: NEVER_MS });
    for (const name of LEFT_OUT) registry.removeSingleMetric(name);
    this.loopDelay = new LoopDelay(registry);
    const { build, configTaken, configTakenAt } = exporterMetrics;
    new Gauge({ name: build.name, help: build.help, labelNames: build.labels, registers }).set(
      { version },
      1,
    );
    const taken = (): boolean => this.#configTaken;
    const takenAtMs = (): number => this.#configTakenAtMs;
    new Gauge({
      name: configTaken.name,
      help: configTaken.help,
      registers,
      collect() {
        this.set(Number(taken()));
      },
    });
    new Gauge({
      name: configTakenAt.name,
      help: configTakenAt.help,
      registers,
      collect() {
        this.set(msToSeconds(takenAtMs()));
      },
    });
    this.#registries = registriesOf(registry);
  }

  /** Whether the configuration that was read just now holds. */
  configRead(taken: boolean): void {
    this.#configTaken = taken;
    if (taken) this.#configTakenAtMs = Date.now();
  }

  /** Callers that ask while the text is being gathered share it. Ends with `# EOF` in OpenMetrics. */
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

import { collectDefaultMetrics, Gauge, Registry } from 'prom-client';
import { exporterMetrics } from '../../model/catalogue/exporter.ts';
import { msToSeconds } from '../../model/units.ts';
import { type Registries, registriesOf } from './registries.ts';
import type { Format } from './text.ts';

/** prom-client's own, but gauges whose names end in _total, which promtool rightly refuses. */
const MISNAMED = [
  'nodejs_active_handles_total',
  'nodejs_active_requests_total',
  'nodejs_active_resources_total',
];

/** Metrics of the process, by prom-client: once per process, whatever hosts it exports. */
export class ProcessMetrics {
  readonly #registries: Registries;
  readonly #gathering = new Map<Format, Promise<string>>();
  #configTaken = true;
  /** Further metrics that exist once per process. */
  also: (format: Format) => string = () => '';
  #configTakenAtMs = Date.now();

  constructor(version: string) {
    const registry = new Registry();
    const registers = [registry];
    collectDefaultMetrics({ register: registry });
    for (const name of MISNAMED) registry.removeSingleMetric(name);
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

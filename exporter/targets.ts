import type { ExporterConfig, HostSettings } from './config/config.ts';
import { HostExporter, type HostExporterOptions } from './host-exporter.ts';

/** Without process metrics: those appear once per process, at /metrics. */
export type TargetsOptions = Omit<HostExporterOptions, 'process'>;

/** A group of Prometheus' HTTP service discovery (https://prometheus.io/docs/prometheus/latest/http_sd/). */
export interface DiscoveredTargets {
  readonly targets: readonly string[];
  readonly labels: Readonly<Record<string, string>>;
}

/** The configured hosts. Each is connected on first use, and stays connected. */
export class Targets {
  readonly #options: TargetsOptions;
  #settings: ReadonlyMap<string, HostSettings> = new Map();
  readonly #open = new Map<string, HostExporter>();

  constructor(options: TargetsOptions) {
    this.#options = options;
  }

  get names(): readonly string[] {
    return [...this.#settings.keys()];
  }

  has(name: string): boolean {
    return this.#settings.has(name);
  }

  /** Undefined for a name that is not configured: clients must not choose where virtune connects. */
  get(name: string): HostExporter | undefined {
    const settings = this.#settings.get(name);
    if (settings === undefined) return undefined;
    let host = this.#open.get(name);
    if (host === undefined) {
      const options: HostExporterOptions = {
        ...this.#options,
        onFailure: (error) =>
          this.#options.onFailure(new Error(`${name}: ${error.message}`, { cause: error })),
      };
      host = new HostExporter(settings, options);
      this.#open.set(name, host);
    }
    return host;
  }

  /** Each configured host, opened on first use. */
  all(): HostExporter[] {
    return this.names.flatMap((name) => this.get(name) ?? []);
  }

  /**
   * Hosts with unchanged settings keep their connections; the others are reopened on next use.
   * @returns the old instances of those, for the caller to retire once no sink samples them
   */
  configure({ hosts }: Pick<ExporterConfig, 'hosts'>): HostExporter[] {
    this.#settings = hosts;
    const gone = [...this.#open].filter(
      ([name, host]) => hosts.get(name)?.fingerprint !== host.settings.fingerprint,
    );
    for (const [name] of gone) this.#open.delete(name);
    for (const [name, host] of this.#open) host.scrapes.inMaintenance = hosts.get(name)?.maintenance === true;
    return gone.map(([, host]) => host);
  }

  /** `address`: where Prometheus reaches this virtune. */
  discover(address: string): DiscoveredTargets[] {
    return this.names.map((name) => ({
      targets: [address],
      labels: { __metrics_path__: '/probe', __param_target: name, instance: name },
    }));
  }

  async close(): Promise<void> {
    await Promise.all([...this.#open.values()].map((host) => host.close()));
    this.#open.clear();
  }
}

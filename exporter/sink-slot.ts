import type { HostExporter } from './host-exporter.ts';
import type { Format } from './prometheus/text.ts';

/** A destination for samples of hosts. */
export interface Sink {
  readonly settings: { readonly fingerprint: string };
  /** Samples these hosts from now on, and no others. `local` is the one behind /metrics. */
  watch(local: HostExporter | undefined, others: Iterable<HostExporter>): Promise<void>;
  /** Its own metrics, for a scrape. */
  text(format: Format): string;
  close(): Promise<void>;
}

export interface SinkSlotParts<O, S extends Sink['settings']> {
  /** @throws ConfigError */
  readonly settingsOf: (options: O) => Promise<S>;
  /** @throws QueueError */
  readonly open: (settings: S, options: O) => Promise<Sink>;
  /** The hosts to sample now. */
  readonly hosts: () => { readonly local: HostExporter | undefined; readonly others: Iterable<HostExporter> };
  /** Called when a change failed and the previous sink cannot be reopened either: nothing is sent. */
  readonly onLost: (error: Error) => void;
}

/** The sink that is currently configured, if any. */
export class SinkSlot<O, S extends Sink['settings']> {
  readonly #parts: SinkSlotParts<O, S>;
  #sink: Sink | undefined;
  /** How the sink was opened. */
  #opened: { readonly settings: S; readonly options: O } | undefined;

  constructor(parts: SinkSlotParts<O, S>) {
    this.#parts = parts;
  }

  /** @throws ConfigError when `use` would */
  async check(options: O | undefined): Promise<void> {
    if (options !== undefined) await this.#parts.settingsOf(options);
  }

  /**
   * Opens a sink with these options; `watch` starts sampling. A sink with the same settings is kept. When it rejects,
   * the previous sink is in use again.
   * @returns restores the previous sink; never rejects
   * @throws ConfigError, QueueError
   */
  async use(options: O | undefined): Promise<() => Promise<void>> {
    const next = options && { options, settings: await this.#parts.settingsOf(options) };
    const before = this.#opened;
    if (next?.settings.fingerprint === before?.settings.fingerprint) return async () => undefined;
    const goBack = async (): Promise<void> => {
      await this.#replace(before).catch(this.#parts.onLost);
      await this.watch();
    };
    try {
      await this.#replace(next);
    } catch (error) {
      await goBack();
      throw error;
    }
    return goBack;
  }

  /** Samples the current hosts. */
  async watch(): Promise<void> {
    const { local, others } = this.#parts.hosts();
    await this.#sink?.watch(local, others);
  }

  text(format: Format): string {
    return this.#sink?.text(format) ?? '';
  }

  async close(): Promise<void> {
    await this.#sink?.close();
    this.#sink = undefined;
    this.#opened = undefined;
  }

  /** Closes the old one first: both may use the same folder, which only one can hold at a time. */
  async #replace(next: { readonly settings: S; readonly options: O } | undefined): Promise<void> {
    await this.close();
    if (next === undefined) return;
    this.#sink = await this.#parts.open(next.settings, next.options);
    this.#opened = next;
  }
}

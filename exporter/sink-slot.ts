import type { HostExporter } from './host-exporter.ts';
import type { Format } from './prometheus/text.ts';

/** Something that samples of hosts are sent to. */
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
  readonly settingsOf: (options: O) => S;
  /** @throws QueueError */
  readonly open: (settings: S, options: O) => Promise<Sink>;
}

/** A sink or none, as the configuration has it just now. */
export class SinkSlot<O, S extends Sink['settings']> {
  readonly #parts: SinkSlotParts<O, S>;
  #sink: Sink | undefined;

  constructor(parts: SinkSlotParts<O, S>) {
    this.#parts = parts;
  }

  /** @throws ConfigError when `use` would */
  check(options: O | undefined): void {
    if (options !== undefined) this.#parts.settingsOf(options);
  }

  /**
   * Sends samples of these hosts as the options say; one with the same settings goes on as it is.
   * @throws ConfigError, QueueError
   */
  async use(
    options: O | undefined,
    local: HostExporter | undefined,
    others: () => Iterable<HostExporter>,
  ): Promise<void> {
    const settings = options && this.#parts.settingsOf(options);
    if (settings?.fingerprint !== this.#sink?.settings.fingerprint) {
      await this.#sink?.close();
      this.#sink = undefined;
      if (options !== undefined && settings !== undefined) {
        this.#sink = await this.#parts.open(settings, options);
      }
    }
    await this.#sink?.watch(local, others());
  }

  get isOn(): boolean {
    return this.#sink !== undefined;
  }

  text(format: Format): string {
    return this.#sink?.text(format) ?? '';
  }

  async close(): Promise<void> {
    await this.#sink?.close();
    this.#sink = undefined;
  }
}

import type { HostExporter } from '../host-exporter.ts';
import type { Format } from '../prometheus/text.ts';
import { type ElasticsearchOptions, serverSettings, sinkSettings } from './settings.ts';
import { ElasticsearchSink, type SinkParts } from './sink.ts';

/** A sink or none, as the configuration has it just now. */
export class SinkSlot {
  readonly #parts: Pick<SinkParts, 'version' | 'log'>;
  #sink: ElasticsearchSink | undefined;

  constructor(parts: Pick<SinkParts, 'version' | 'log'>) {
    this.#parts = parts;
  }

  /**
   * Sends samples of these hosts as the options say; one with the same settings goes on as it is.
   * @throws ConfigError, QueueError
   */
  async use(
    options: ElasticsearchOptions | undefined,
    local: HostExporter | undefined,
    others: () => Iterable<HostExporter>,
  ): Promise<void> {
    const settings = options && sinkSettings(options);
    if (settings?.fingerprint !== this.#sink?.settings.fingerprint) {
      await this.#sink?.close();
      this.#sink = undefined;
      if (options !== undefined && settings !== undefined) {
        this.#sink = await ElasticsearchSink.open({
          ...this.#parts,
          settings,
          reread: () => serverSettings(options),
        });
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

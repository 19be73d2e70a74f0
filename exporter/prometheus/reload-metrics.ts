import { Gauge, type Registry } from 'prom-client';
import { msToSeconds } from '../../model/units.ts';

/** Whether the newest configuration holds, under the names that Prometheus' own exporters have for it. */
export class ReloadMetrics {
  #successful = true;
  #successAtMs = Date.now();

  succeeded(): void {
    this.#successful = true;
    this.#successAtMs = Date.now();
  }

  failed(): void {
    this.#successful = false;
  }

  register(registry: Registry): void {
    const reloads = this;
    new Gauge({
      name: 'virtune_config_last_reload_successful',
      help: '1 when the configuration was taken the last time it was read.',
      registers: [registry],
      collect() {
        this.set(Number(reloads.#successful));
      },
    });
    new Gauge({
      name: 'virtune_config_last_reload_success_timestamp_seconds',
      help: 'When the configuration was last taken, in seconds since 1970.',
      registers: [registry],
      collect() {
        this.set(msToSeconds(reloads.#successAtMs));
      },
    });
  }
}

import type { HostIdentity } from '../../sampler/host-sample.ts';
import type { HostExporter } from '../host-exporter.ts';
import { HostIds, hostIdOf } from './host-id.ts';
import { SamplingLoop, type TickMeter, type TickTarget } from './sampling-loop.ts';

export interface HostLoopsParts {
  readonly intervalMs: number;
  readonly meter: TickMeter;
  /** Called once for each host that is watched. */
  readonly targetOf: (host: HostExporter) => TickTarget;
  /** `host.id` from the configuration; default: from the host's settings. */
  readonly givenIdOf?: ((host: HostExporter) => string | undefined) | undefined;
}

/** A sampling loop per watched host. */
export class HostLoops {
  readonly #parts: HostLoopsParts;
  readonly #ids = new HostIds();
  #loops = new Map<HostExporter, SamplingLoop>();

  constructor(parts: HostLoopsParts) {
    this.#parts = parts;
  }

  /** Samples these hosts from now on, and no others; resolves once the others' last samples are delivered. */
  async watch(hosts: Iterable<HostExporter>): Promise<void> {
    const loops = new Map<HostExporter, SamplingLoop>();
    for (const host of hosts) {
      const known = this.#loops.get(host);
      loops.set(host, known ?? this.#loopOf(host));
      if (known === undefined) loops.get(host)?.start();
    }
    const gone = [...this.#loops].filter(([host]) => !loops.has(host));
    this.#loops = loops;
    for (const [host] of gone) this.#ids.forget(host);
    await Promise.all(gone.map(([, loop]) => loop.stop()));
  }

  #loopOf(host: HostExporter): SamplingLoop {
    const { intervalMs, meter, targetOf } = this.#parts;
    const target = targetOf(host);
    return new SamplingLoop({
      sampler: host.sampler,
      target: {
        sampled: (sample, atMs) => {
          host.noteIdentity(sample.identity);
          this.#noteId(host, sample.identity);
          return target.sampled(sample, atMs);
        },
        failed: (tick, identity) => target.failed(tick, identity),
      },
      meter,
      intervalMs,
      now: Date.now,
      steadyMs: () => performance.now(),
      onFailure: host.onFailure,
    });
  }

  #noteId(host: HostExporter, identity: HostIdentity | undefined): void {
    const { givenIdOf = ({ settings }) => settings.hostId } = this.#parts;
    const id = hostIdOf(givenIdOf(host), identity);
    // After a reload changed a host's settings, its last sample arrives alongside the first one of its successor:
    // ignore it.
    if (id === undefined || !this.#loops.has(host)) return;
    const other = this.#ids.note(host, id);
    if (other !== undefined) host.noteSameId(other, id);
  }
}

import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import type { HostExporter } from '../host-exporter.ts';
import { Documents } from './documents.ts';
import { type Deliver, SamplingLoop, type TickMeter } from './sampling-loop.ts';

export interface SamplingLoopsParts {
  readonly version: string;
  readonly namespace: string;
  readonly intervalMs: number;
  readonly deliver: Deliver;
  readonly meter: TickMeter;
  /** Metricbeat's documents as well. */
  readonly metricbeatCompat: boolean;
  /** Called once for each field that no mapping has. */
  readonly unknown: (field: string) => void;
}

/** Distinguishes this process in its documents. */
const PROCESS_ID = randomUUID();

/** A sampling loop for each host, for as long as it is watched. */
export class SamplingLoops {
  readonly #parts: SamplingLoopsParts;
  #loops = new Map<HostExporter, SamplingLoop>();

  constructor(parts: SamplingLoopsParts) {
    this.#parts = parts;
  }

  /**
   * Samples these hosts from now on, and no others; resolves once the others' last documents are delivered.
   * @param hostIds for a host whose id is not to be the UUID that its libvirt reports
   */
  async watch(
    hosts: Iterable<HostExporter>,
    hostIds: ReadonlyMap<HostExporter, string> = new Map(),
  ): Promise<void> {
    const loops = new Map<HostExporter, SamplingLoop>();
    for (const host of hosts) {
      const known = this.#loops.get(host);
      loops.set(host, known ?? this.#loopOf(host, hostIds.get(host)));
      if (known === undefined) loops.get(host)?.start();
    }
    const gone = [...this.#loops].filter(([host]) => !loops.has(host));
    this.#loops = loops;
    await Promise.all(gone.map(([, loop]) => loop.stop()));
  }

  #loopOf(host: HostExporter, hostId: string | undefined): SamplingLoop {
    const { version, namespace, intervalMs, deliver, meter, metricbeatCompat, unknown } = this.#parts;
    return new SamplingLoop({
      sampler: host.sampler,
      documents: new Documents({
        groups: host.settings.groups,
        address: addressOf(host.settings.uri),
        agent: { version, name: hostname(), ephemeralId: PROCESS_ID },
        namespace,
        intervalMs,
        hostId,
        unknown,
      }),
      deliver,
      meter,
      metricbeatCompat,
      intervalMs,
      now: Date.now,
      onFailure: host.onFailure,
    });
  }
}

/** A URI without its parameters, which name key files and sockets, and without a user. */
export function addressOf(uri: string): string {
  return uri.replace(/[?#].*$/s, '').replace(/\/\/[^/@]*@/, '//');
}

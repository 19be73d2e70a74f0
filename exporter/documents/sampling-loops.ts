import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import type { HostExporter } from '../host-exporter.ts';
import { HostLoops } from '../sampling/host-loops.ts';
import type { TickMeter } from '../sampling/sampling-loop.ts';
import { type Deliver, DocumentTicks } from './document-ticks.ts';
import { Documents } from './documents.ts';

export interface SamplingLoopsParts {
  readonly version: string;
  readonly namespace: string;
  readonly intervalMs: number;
  readonly deliver: Deliver;
  readonly meter: TickMeter;
  /** Also send Metricbeat's documents. */
  readonly metricbeatCompat: boolean;
  /** Called once for each field without a mapping. */
  readonly unknown: (field: string) => void;
}

/** Distinguishes this process in its documents. */
const PROCESS_ID = randomUUID();

/** Delivers the documents of each watched host. */
export class SamplingLoops {
  readonly #parts: SamplingLoopsParts;
  readonly #loops: HostLoops;
  #hostIds: ReadonlyMap<HostExporter, string> = new Map();

  constructor(parts: SamplingLoopsParts) {
    this.#parts = parts;
    const { intervalMs, meter } = parts;
    this.#loops = new HostLoops({
      intervalMs,
      meter,
      targetOf: (host) => this.#ticksOf(host),
      givenIdOf: (host) => this.#givenIdOf(host),
    });
  }

  /**
   * Samples these hosts from now on, and no others; resolves once the others' last documents are delivered.
   * @param hostIds for a host whose id is not to be the UUID that its libvirt reports
   */
  async watch(
    hosts: Iterable<HostExporter>,
    hostIds: ReadonlyMap<HostExporter, string> = new Map(),
  ): Promise<void> {
    this.#hostIds = hostIds;
    await this.#loops.watch(hosts);
  }

  #ticksOf(host: HostExporter): DocumentTicks {
    const { version, namespace, intervalMs, deliver, metricbeatCompat, unknown } = this.#parts;
    return new DocumentTicks({
      documents: new Documents({
        groups: host.settings.groups,
        address: addressOf(host.settings.uri),
        agent: { version, name: hostname(), ephemeralId: PROCESS_ID },
        namespace,
        intervalMs,
        hostId: this.#givenIdOf(host),
        unknown,
      }),
      deliver,
      metricbeatCompat,
    });
  }

  #givenIdOf(host: HostExporter): string | undefined {
    return this.#hostIds.get(host) ?? host.settings.hostId;
  }
}

/** A URI without its parameters, which name key files and sockets, and without a user. */
export function addressOf(uri: string): string {
  return uri.replace(/[?#].*$/s, '').replace(/\/\/[^/@]*@/, '//');
}

import type { HostIdentity, HostSample } from '../../sampler/host-sample.ts';
import type { TickTarget } from '../sampling/sampling-loop.ts';
import type { Document, Documents } from './documents.ts';
import { metricbeatEvents } from './metricbeat.ts';

/** Takes the documents of one tick of a host. */
export type Deliver = (
  tick: { readonly hostId: string; readonly atMs: number },
  documents: Iterable<Document>,
) => Promise<void>;

export interface DocumentTicksParts {
  readonly documents: Documents;
  readonly deliver: Deliver;
  readonly metricbeatCompat: boolean;
}

/** Turns samples of one host into documents, and delivers them. */
export class DocumentTicks implements TickTarget {
  readonly #parts: DocumentTicksParts;

  constructor(parts: DocumentTicksParts) {
    this.#parts = parts;
  }

  async sampled(sample: HostSample, atMs: number): Promise<void> {
    await this.#deliver(atMs, this.#all(sample, atMs), sample.identity);
  }

  async failed(
    { atMs, startMs }: { readonly atMs: number; readonly startMs: number },
    identity: HostIdentity | undefined,
  ): Promise<void> {
    await this.#deliver(atMs, this.#parts.documents.ofFailure(atMs, startMs, identity), identity);
  }

  *#all(sample: HostSample, atMs: number): ReturnType<Documents['of']> {
    const { documents, metricbeatCompat } = this.#parts;
    yield* documents.of(sample, atMs);
    const head = documents.head(atMs, sample.identity);
    if (metricbeatCompat && head !== undefined) yield* metricbeatEvents(sample, head);
  }

  async #deliver(
    atMs: number,
    documents: Iterable<Document>,
    identity: HostIdentity | undefined,
  ): Promise<void> {
    const hostId = this.#parts.documents.hostId(identity);
    if (hostId !== undefined) await this.#parts.deliver({ hostId, atMs }, documents);
  }
}

import type { Connection } from '../libvirt/client/connection.ts';
import type { Domain } from '../libvirt/wire/types.ts';
import type { SnapshotFigures } from '../model/extras.ts';
import { wholeNumber } from '../model/xml.ts';

const MAX_AGE_MS = 60_000;
/** Snapshots whose XML is read for one domain at a time; the rest has its turn later. */
const XML_MAX = 32;

interface Known {
  figures: SnapshotFigures | undefined;
  dueAtMs: number;
  /** When each snapshot was made, by its name. */
  readonly madeAtSeconds: Map<string, number>;
}

/** Counts snapshots, once a minute, and finds the oldest: the XML of each is read once. */
export class Snapshots {
  readonly #timeoutMs: number;
  readonly #now: () => number;
  readonly #known = new Map<string, Known>();

  constructor(timeoutMs: number, now: () => number) {
    this.#timeoutMs = timeoutMs;
    this.#now = now;
  }

  /** Forgets domains that are no more. */
  keepOnly(uuids: ReadonlySet<string>): void {
    for (const uuid of this.#known.keys()) if (!uuids.has(uuid)) this.#known.delete(uuid);
  }

  /** As they were the last time, where they cannot be read now. */
  async read(control: Connection, domain: Domain): Promise<SnapshotFigures | undefined> {
    const known = this.#of(domain);
    if (known.dueAtMs > this.#now()) return known.figures;
    try {
      known.figures = await this.#count(control, domain, known.madeAtSeconds);
      known.dueAtMs = this.#now() + MAX_AGE_MS;
    } catch {
      // Asked again at the next tick.
    }
    return known.figures;
  }

  #of(domain: Domain): Known {
    let known = this.#known.get(domain.uuid);
    if (known === undefined) {
      known = { figures: undefined, dueAtMs: Number.NEGATIVE_INFINITY, madeAtSeconds: new Map() };
      this.#known.set(domain.uuid, known);
    }
    return known;
  }

  async #count(
    control: Connection,
    domain: Domain,
    madeAtSeconds: Map<string, number>,
  ): Promise<SnapshotFigures> {
    const timeout = { timeoutMs: this.#timeoutMs };
    const { snapshots } = await control.call(
      'domainListAllSnapshots',
      { domain, needResults: 1, flags: 0 },
      timeout,
    );
    const names = new Set(snapshots.map((snapshot) => snapshot.name));
    for (const name of madeAtSeconds.keys()) if (!names.has(name)) madeAtSeconds.delete(name);
    const unread = snapshots.filter((snapshot) => !madeAtSeconds.has(snapshot.name));
    for (const snapshot of unread.slice(0, XML_MAX)) {
      const { xml } = await control.call('domainSnapshotGetXmlDesc', { snapshot, flags: 0 }, timeout);
      const madeAt = creationTime(xml);
      if (madeAt !== undefined) madeAtSeconds.set(snapshot.name, madeAt);
    }
    const made = [...madeAtSeconds.values()];
    return {
      count: snapshots.length,
      oldestAtSeconds: made.length === 0 ? undefined : Math.min(...made),
    };
  }
}

/**
 * Seconds since 1970. A snapshot's XML has the whole definition of its domain in it, as large as somebody made it, so it
 * is not parsed. The time stands before that (libvirt, virDomainSnapshotDefFormatInternal), and texts before it are escaped.
 */
function creationTime(xml: string): number | undefined {
  const end = xml.search(/<domain[\s>]/);
  const own = end < 0 ? xml : xml.slice(0, end);
  return wholeNumber(/<creationTime>([^<]*)<\/creationTime>/.exec(own)?.[1]);
}

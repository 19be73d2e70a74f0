import type { Domain } from '../libvirt/wire/types.ts';
import type { SnapshotFigures } from '../model/extras.ts';
import { wholeNumber } from '../model/xml.ts';
import type { Background, BackgroundRead } from './background-read.ts';
import type { AskHost } from './host/host-line.ts';

const REFRESH_MS = 60_000;
const MAX_AGE_MS = 600_000;
/** Snapshots whose XML is read for one domain at a time; the rest has its turn later. */
const XML_MAX = 32;

interface SnapshotOptions {
  readonly ask: AskHost;
  readonly background: Background;
  readonly now: () => number;
}

/** Counts snapshots, once a minute and beside the ticks, and finds the oldest: the XML of each is read once. */
export class Snapshots {
  readonly #options: SnapshotOptions;
  readonly #reads = new Map<string, BackgroundRead<SnapshotFigures>>();

  constructor(options: SnapshotOptions) {
    this.#options = options;
  }

  /** Forgets domains that no longer exist. */
  keepOnly(uuids: ReadonlySet<string>): void {
    for (const [uuid, read] of this.#reads) {
      if (uuids.has(uuid)) continue;
      this.#reads.delete(uuid);
      this.#options.background.remove(read);
    }
  }

  /** Begins to ask about a domain that has a snapshot, where that is due. */
  start(domain: Domain): void {
    let read = this.#reads.get(domain.uuid);
    if (read === undefined) {
      const madeAtSeconds = new Map<string, number>();
      read = this.#options.background.add({
        read: () => count(this.#options.ask, domain, madeAtSeconds),
        refreshMs: REFRESH_MS,
        maxAgeMs: MAX_AGE_MS,
        now: this.#options.now,
      });
      this.#reads.set(domain.uuid, read);
    }
    read.start();
  }

  /** As they were the last time they could be read. */
  of(domain: Domain): SnapshotFigures | undefined {
    return this.#reads.get(domain.uuid)?.value;
  }
}

async function count(
  ask: AskHost,
  domain: Domain,
  madeAtSeconds: Map<string, number>,
): Promise<SnapshotFigures> {
  const { snapshots } = await ask('domainListAllSnapshots', { domain, needResults: 1, flags: 0 });
  const names = new Set(snapshots.map((snapshot) => snapshot.name));
  for (const name of madeAtSeconds.keys()) if (!names.has(name)) madeAtSeconds.delete(name);
  const unread = snapshots.filter((snapshot) => !madeAtSeconds.has(snapshot.name));
  for (const snapshot of unread.slice(0, XML_MAX)) {
    const { xml } = await ask('domainSnapshotGetXmlDesc', { snapshot, flags: 0 });
    const madeAt = creationTime(xml);
    if (madeAt !== undefined) madeAtSeconds.set(snapshot.name, madeAt);
  }
  const made = [...madeAtSeconds.values()];
  return {
    count: snapshots.length,
    oldestAtSeconds: made.length === 0 ? undefined : Math.min(...made),
  };
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

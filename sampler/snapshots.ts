import type { Domain } from '../libvirt/wire/types.ts';
import type { SnapshotFigures } from '../model/extras.ts';
import { wholeNumber } from '../model/xml.ts';
import type { Background, BackgroundRead } from './background-read.ts';
import type { AskHost } from './host/host-connections.ts';

const REFRESH_MS = 60_000;
const MAX_AGE_MS = 600_000;
/** Snapshots of one domain whose XML is read at a time; the rest follow later. */
const XML_MAX = 32;

interface SnapshotOptions {
  readonly ask: AskHost;
  readonly background: Background;
  readonly steadyMs: () => number;
}

/** Counts snapshots, once a minute in the background, and finds the oldest; the XML of the others is read once. */
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

  /** Starts reading a domain that has a snapshot, where due. */
  start(domain: Domain): void {
    let read = this.#reads.get(domain.uuid);
    if (read === undefined) {
      const madeAtSeconds = new Map<string, number>();
      read = this.#options.background.add({
        read: () => count(this.#options.ask, domain, madeAtSeconds),
        refreshMs: REFRESH_MS,
        maxAgeMs: MAX_AGE_MS,
        steadyMs: this.#options.steadyMs,
      });
      this.#reads.set(domain.uuid, read);
    }
    read.start();
  }

  /** As of the last successful read. */
  of(domain: Domain): SnapshotFigures | undefined {
    return this.#reads.get(domain.uuid)?.value;
  }
}

/** A snapshot may be recreated under a known name, so the XML of the supposedly oldest is read each time. */
async function count(
  ask: AskHost,
  domain: Domain,
  madeAtSeconds: Map<string, number>,
): Promise<SnapshotFigures> {
  const { snapshots } = await ask('domainListAllSnapshots', { domain, needResults: 1, flags: 0 });
  const names = new Set(snapshots.map((snapshot) => snapshot.name));
  for (const name of madeAtSeconds.keys()) if (!names.has(name)) madeAtSeconds.delete(name);
  const read = new Set<string>();
  while (read.size < XML_MAX) {
    const known = oldestOf(madeAtSeconds);
    const unread = snapshots.find(({ name }) => !madeAtSeconds.has(name) && !read.has(name));
    const snapshot = unread ?? snapshots.find(({ name }) => name === known);
    if (snapshot === undefined || read.has(snapshot.name)) break;
    read.add(snapshot.name);
    const { xml } = await ask('domainSnapshotGetXmlDesc', { snapshot, flags: 0 });
    const madeAt = creationTime(xml);
    if (madeAt === undefined) madeAtSeconds.delete(snapshot.name);
    else madeAtSeconds.set(snapshot.name, madeAt);
  }
  const oldest = oldestOf(madeAtSeconds);
  return {
    count: snapshots.length,
    oldestAtSeconds: oldest === undefined ? undefined : madeAtSeconds.get(oldest),
  };
}

function oldestOf(madeAtSeconds: ReadonlyMap<string, number>): string | undefined {
  let oldest: readonly [name: string, atSeconds: number] | undefined;
  for (const each of madeAtSeconds) if (oldest === undefined || each[1] < oldest[1]) oldest = each;
  return oldest?.[0];
}

/**
 * Seconds since 1970. A snapshot's XML contains the whole definition of its domain, of any size, so it is not parsed.
 * The time comes before that (libvirt, virDomainSnapshotDefFormatInternal), and texts before it are escaped.
 */
function creationTime(xml: string): number | undefined {
  const end = xml.search(/<domain[\s>]/);
  const own = end < 0 ? xml : xml.slice(0, end);
  return wholeNumber(/<creationTime>([^<]*)<\/creationTime>/.exec(own)?.[1]);
}

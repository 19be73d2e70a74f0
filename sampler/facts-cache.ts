import { hash } from 'node:crypto';
import type { ManagedConnection } from '../libvirt/client/managed.ts';
import type { Domain } from '../libvirt/wire/types.ts';
import { boundedXml } from '../model/domain/bounded-xml.ts';
import type { MetadataReader } from '../model/domain/custom-metadata.ts';
import { type DomainFacts, parseDomain } from '../model/domain/domain.ts';
import { limitedMetadata } from './limited-metadata.ts';

/** Events after which a domain's XML may say something else. */
const CHANGING_EVENTS = [
  'lifecycle',
  'deviceAdded',
  'deviceRemoved',
  'diskChange',
  'trayChange',
  'tunable',
  'metadataChange',
  'blockJob2',
  'memoryDeviceSize',
  'nicMacChange',
  'vcpuRemoved',
  // Whether somebody is at the other end of the agent's channel stands in the XML.
  'agentLifecycle',
] as const;

interface Entry {
  /** -1 while not running: the XML of a running domain is another than its definition. */
  readonly runId: number;
  /** Undefined: its XML could not be understood, and is not asked for again until it changes. */
  readonly facts: DomainFacts | undefined;
  /** Of the XML that the facts are from, so that the same XML is not parsed again. */
  readonly digest: string;
  readonly dueAtMs: number;
}

/** Some changes come without an event (a balloon's stats period, for one), so XML is read again at this age. */
const MAX_AGE_MS = 120_000;

/** What domains' XML says: read once, again after an event, and again when it has grown old. */
export class FactsCache {
  readonly #entries = new Map<string, Entry>();
  readonly #now: () => number;
  readonly #metadata: MetadataReader | undefined;
  /** Whose XML is under way, and whether it may be out of date by the time that it comes. */
  readonly #reading = new Map<string, { outdated: boolean }>();

  constructor(now: () => number, metadata?: MetadataReader) {
    this.#now = now;
    this.#metadata = metadata && limitedMetadata(metadata);
  }

  watch(control: ManagedConnection): void {
    for (const name of CHANGING_EVENTS) {
      control.on(name, ({ domain }) => {
        this.#outdate(domain.uuid);
        this.#entries.delete(domain.uuid);
      });
    }
    // A balloon may change every few seconds, and the event brings all that the XML would say of it.
    control.on('balloonChange', ({ domain, actualKiB }) => {
      this.#outdate(domain.uuid);
      this.#setCurrentMemory(domain, Number(actualKiB));
    });
  }

  #setCurrentMemory(domain: Domain, currentKiB: number): void {
    const entry = this.#current(domain);
    if (entry?.facts === undefined) return;
    const facts = { ...entry.facts, memory: { ...entry.facts.memory, currentKiB } };
    this.#entries.set(domain.uuid, { ...entry, facts, digest: '' });
  }

  /** Events may have been missed: nothing that is known can be trusted. */
  clear(): void {
    for (const uuid of this.#reading.keys()) this.#outdate(uuid);
    this.#entries.clear();
  }

  #outdate(uuid: string): void {
    const reading = this.#reading.get(uuid);
    if (reading !== undefined) reading.outdated = true;
  }

  get(domain: Domain): DomainFacts | undefined {
    return this.#current(domain)?.facts;
  }

  isDue(domain: Domain): boolean {
    const entry = this.#current(domain);
    return entry === undefined || entry.dueAtMs <= this.#now();
  }

  /** Asks for the XML with `fetch` and keeps what it says, if it says something. Rejects as `fetch` does. */
  async refresh(domain: Domain, fetch: () => Promise<string | undefined>): Promise<void> {
    const reading = { outdated: false };
    this.#reading.set(domain.uuid, reading);
    let xml: string | undefined;
    try {
      xml = await fetch();
    } finally {
      if (this.#reading.get(domain.uuid) === reading) this.#reading.delete(domain.uuid);
    }
    if (xml === undefined || reading.outdated) return;
    const known = this.#current(domain);
    const digest = hash('sha1', xml);
    this.#entries.set(domain.uuid, {
      runId: domain.id,
      facts: known?.digest === digest ? known.facts : understand(domain, xml, this.#metadata),
      digest,
      // Spread out, or all that were read in one tick would be read in one tick ever after.
      dueAtMs: this.#now() + MAX_AGE_MS * (0.5 + Math.random() / 2),
    });
  }

  /** Forgets domains that no longer exist. */
  keepOnly(uuids: ReadonlySet<string>): void {
    for (const uuid of this.#entries.keys()) if (!uuids.has(uuid)) this.#entries.delete(uuid);
  }

  #current(domain: Domain): Entry | undefined {
    const entry = this.#entries.get(domain.uuid);
    return entry?.runId === domain.id ? entry : undefined;
  }
}

function understand(
  domain: Domain,
  xml: string,
  metadata: MetadataReader | undefined,
): DomainFacts | undefined {
  try {
    const what = `the XML of domain ${JSON.stringify(domain.name)}`;
    const bounded = boundedXml(what, xml);
    const facts = parseDomain(bounded.xml, what, metadata);
    return bounded.isMetadataCut ? { ...facts, isMetadataCut: true } : facts;
  } catch {
    // One domain's odd XML must not cost its figures, let alone another's.
    return undefined;
  }
}

import { hash } from 'node:crypto';
import type { ManagedConnection } from '../libvirt/client/managed.ts';
import type { Domain } from '../libvirt/wire/types.ts';
import { boundedXml } from '../model/domain/bounded-xml.ts';
import type { MetadataReader } from '../model/domain/custom-metadata.ts';
import { type DomainFacts, parseDomain } from '../model/domain/domain.ts';
import { limitedMetadata } from './limited-metadata.ts';

/** Events after which a domain's XML may have changed. */
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
  // The XML shows whether the agent's channel is connected.
  'agentLifecycle',
] as const;

interface Entry {
  /** -1 while not running: the XML of a running domain differs from its persistent definition. */
  readonly runId: number;
  /** Undefined: its XML could not be parsed, and is not parsed again until it changes. */
  readonly facts: DomainFacts | undefined;
  /** Hash of the XML behind the facts, so that the same XML is not parsed again. */
  readonly digest: string;
  readonly dueAtMs: number;
}

/** Some changes come without an event (e.g. a balloon's stats period), so XML is read again at this age. */
const MAX_AGE_MS = 120_000;

/** Facts from the XML of domains: read once, again after an event, and again when stale. */
export class FactsCache {
  readonly #entries = new Map<string, Entry>();
  readonly #steadyMs: () => number;
  readonly #metadata: MetadataReader | undefined;
  /** Domains whose XML is being read, and whether an event has outdated it since. */
  readonly #reading = new Map<string, { outdated: boolean }>();

  constructor(steadyMs: () => number, metadata?: MetadataReader) {
    this.#steadyMs = steadyMs;
    this.#metadata = metadata && limitedMetadata(metadata);
  }

  watch(control: ManagedConnection): void {
    for (const name of CHANGING_EVENTS) {
      control.on(name, ({ domain }) => {
        this.#outdate(domain.uuid);
        this.#entries.delete(domain.uuid);
      });
    }
    // A balloon may change every few seconds, and the event carries all that the XML would show of it.
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

  /** Events may have been missed: nothing cached can be trusted. */
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
    return entry === undefined || entry.dueAtMs <= this.#steadyMs();
  }

  /** Reads the XML with `fetch` and caches its facts, if there is any. Rejects as `fetch` does. */
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
      // Randomized, or all domains read in one tick would be due in the same tick from then on.
      dueAtMs: this.#steadyMs() + MAX_AGE_MS * (0.5 + Math.random() / 2),
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
    // XML that cannot be parsed must not cost the domain its figures, let alone another one's.
    return undefined;
  }
}

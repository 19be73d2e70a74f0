import type { ManagedConnection } from '../libvirt/client/managed.ts';
import type { Domain } from '../libvirt/wire/types.ts';
import { type DomainFacts, parseDomain } from '../model/domain/domain.ts';

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
] as const;

interface Entry {
  /** -1 while not running: the XML of a running domain is another than its definition. */
  readonly runId: number;
  /** Undefined: its XML could not be understood, and is not asked for again until it changes. */
  readonly facts: DomainFacts | undefined;
}

/** What domains' XML says, read once and again after an event. */
export class FactsCache {
  readonly #entries = new Map<string, Entry>();
  /** Bumped by each event, so that an answer that was under way meanwhile is not kept. */
  #generation = 0;

  watch(control: ManagedConnection): void {
    for (const name of CHANGING_EVENTS) {
      control.on(name, ({ domain }) => {
        this.#generation++;
        this.#entries.delete(domain.uuid);
      });
    }
  }

  /** Events may have been missed: nothing that is known can be trusted. */
  clear(): void {
    this.#generation++;
    this.#entries.clear();
  }

  get(domain: Domain): DomainFacts | undefined {
    return this.#current(domain)?.facts;
  }

  isMissing(domain: Domain): boolean {
    return this.#current(domain) === undefined;
  }

  /** Asks for the XML with `fetch` and keeps what it says, if it says something. Rejects as `fetch` does. */
  async refresh(domain: Domain, fetch: () => Promise<string | undefined>): Promise<void> {
    const generation = this.#generation;
    const xml = await fetch();
    if (xml === undefined) return;
    const facts = understand(domain, xml);
    if (generation === this.#generation) this.#entries.set(domain.uuid, { runId: domain.id, facts });
  }

  /** Forgets domains that are no more. */
  keepOnly(uuids: ReadonlySet<string>): void {
    for (const uuid of this.#entries.keys()) if (!uuids.has(uuid)) this.#entries.delete(uuid);
  }

  #current(domain: Domain): Entry | undefined {
    const entry = this.#entries.get(domain.uuid);
    return entry?.runId === domain.id ? entry : undefined;
  }
}

function understand(domain: Domain, xml: string): DomainFacts | undefined {
  try {
    return parseDomain(xml, `the XML of domain ${JSON.stringify(domain.name)}`);
  } catch {
    // One domain's odd XML must not cost its figures, let alone another's.
    return undefined;
  }
}

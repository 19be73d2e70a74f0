import { type Element, parseXml } from '../model/xml.ts';
import type { VmFacts } from './vm-facts.ts';
import { formatDomain } from './xml/format.ts';

/** The source of an unchanged description; once changed, only its XML counts. */
export interface Source {
  readonly xml: () => string;
  readonly facts: () => VmFacts;
  readonly factsOf: (xml: string) => VmFacts;
}

/**
 * One of a VM's two descriptions (live and persistent): XML, which calls change, and the facts that the simulation
 * reads from it. Both are computed lazily: of thousands of VMs few are ever changed.
 */
export class Description {
  readonly #source: Source;
  #xml: string | undefined;
  #facts: VmFacts | undefined;

  constructor(source: Source, xml?: string) {
    this.#source = source;
    this.#xml = xml;
  }

  /** Whether it was never changed. */
  get isOriginal(): boolean {
    return this.#xml === undefined;
  }

  get xml(): string {
    return this.#xml ?? this.#source.xml();
  }

  get facts(): VmFacts {
    this.#facts ??= this.#xml === undefined ? this.#source.facts() : this.#source.factsOf(this.#xml);
    return this.#facts;
  }

  /** For reading only; changes are lost. */
  read(): Element {
    return parseXml('a description', this.xml, 'domain');
  }

  edit(change: (domain: Element) => void): void {
    const domain = this.read();
    change(domain);
    this.replace(formatDomain(domain));
  }

  replace(xml: string): void {
    this.#xml = xml;
    this.#facts = undefined;
  }
}

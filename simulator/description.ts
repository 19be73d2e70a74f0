import { type Element, parseXml } from '../model/xml.ts';
import type { VmFacts } from './vm-facts.ts';
import { formatDomain } from './xml/format.ts';

/** How a description is had until it is changed; afterwards it is the text alone. */
export interface Source {
  readonly xml: () => string;
  readonly facts: () => VmFacts;
  readonly factsOf: (xml: string) => VmFacts;
}

/**
 * One of a VM's two descriptions: XML, which calls change, and what the simulated world reads in it. Nothing is
 * written or read before it is asked for: of thousands of VMs few are ever changed.
 */
export class Description {
  readonly #source: Source;
  #xml: string | undefined;
  #facts: VmFacts | undefined;

  constructor(source: Source, xml?: string) {
    this.#source = source;
    this.#xml = xml;
  }

  /** Never changed: as its source has it. */
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

  /** To look at; changes are lost. */
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

import type { Connection } from '../../../libvirt/client/connection.ts';
import type { Domain } from '../../../libvirt/wire/types.ts';
import { seededRandom } from '../../../simulator/random.ts';

const OFF = -1;

/** Changes VMs as a busy cloud does, over a writable connection; its choices depend on the seed alone. */
export class Churn {
  readonly #writer: Connection;
  readonly #random: () => number;
  #names = 0;

  constructor(writer: Connection, seed: number) {
    this.#writer = writer;
    this.#random = seededRandom(seed);
  }

  /** One VM of each kind: stopped, started, renamed, migrated away, migrated here. */
  async round(): Promise<void> {
    const running = await this.#some((domain) => domain.id !== OFF);
    if (running !== undefined) await this.#writer.call('domainDestroyFlags', { domain: running, flags: 0 });
    const off = await this.#some((domain) => domain.id === OFF);
    if (off !== undefined) await this.#start(off);
    const renamed = await this.#some((domain) => domain.id === OFF);
    if (renamed !== undefined) await this.#redefine(renamed, (xml) => withName(xml, this.#newName()));
    const leaving = await this.#some((domain) => domain.id !== OFF);
    if (leaving === undefined) return;
    const xml = await this.#xml(leaving);
    await this.#writer.call('domainDestroyFlags', { domain: leaving, flags: 0 });
    await this.#writer.call('domainUndefineFlags', { domain: leaving, flags: 0 });
    const arriving = withName(xml, this.#newName()).replace(/\s*<uuid>[^<]*<\/uuid>/, '');
    const { domain } = await this.#writer.call('domainDefineXmlFlags', { xml: arriving, flags: 0 });
    await this.#start(domain);
  }

  async #some(fits: (domain: Domain) => boolean): Promise<Domain | undefined> {
    const { domains } = await this.#writer.call('connectListAllDomains', { needResults: 1, flags: 0 });
    const fitting = domains.filter(fits);
    return fitting[Math.floor(this.#random() * fitting.length)];
  }

  /** A start may fail for lack of room on the host, as on real ones. */
  async #start(domain: Domain): Promise<void> {
    await this.#writer.call('domainCreateWithFlags', { domain, flags: 0 }).catch(() => undefined);
  }

  async #redefine(domain: Domain, change: (xml: string) => string): Promise<void> {
    const xml = change(await this.#xml(domain));
    await this.#writer.call('domainUndefineFlags', { domain, flags: 0 });
    await this.#writer.call('domainDefineXmlFlags', { xml, flags: 0 });
  }

  async #xml(domain: Domain): Promise<string> {
    const inactive = 2;
    return (await this.#writer.call('domainGetXmlDesc', { domain, flags: inactive })).xml;
  }

  #newName(): string {
    return `moved-${this.#names++}`;
  }
}

const withName = (xml: string, name: string): string =>
  xml.replace(/<name>[^<]*<\/name>/, `<name>${name}</name>`);

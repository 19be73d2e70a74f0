import type { HostIdentity } from '../../sampler/host-sample.ts';
import type { HostExporter } from '../host-exporter.ts';

/**
 * `host.id` of what is sent of a host; undefined while it is not known which host it is.
 * @param given in the configuration, instead of the UUID that libvirt reports
 */
export function hostIdOf(given: string | undefined, identity: HostIdentity | undefined): string | undefined {
  return given ?? identity?.uuid ?? identity?.hostname;
}

/**
 * Which host has which `host.id`: boards whose vendor never set a UUID, and cloned VMs as hypervisors, report one that
 * others have, and a server takes their documents for those of one host.
 */
export class HostIds {
  readonly #idOf = new Map<HostExporter, string>();
  readonly #holderOf = new Map<string, HostExporter>();

  /** @returns another host that has had this id for longer */
  note(host: HostExporter, id: string): HostExporter | undefined {
    if (this.#idOf.get(host) !== id) this.forget(host);
    this.#idOf.set(host, id);
    const holder = this.#holderOf.get(id) ?? host;
    this.#holderOf.set(id, holder);
    return holder === host ? undefined : holder;
  }

  forget(host: HostExporter): void {
    const id = this.#idOf.get(host);
    this.#idOf.delete(host);
    if (id !== undefined && this.#holderOf.get(id) === host) this.#holderOf.delete(id);
  }
}

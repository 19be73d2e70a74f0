import type { HostIdentity } from '../../sampler/host-sample.ts';
import type { HostExporter } from '../host-exporter.ts';

/**
 * The `host.id` that is sent for a host; undefined while the host is not identified.
 * @param given in the configuration, instead of the UUID that libvirt reports
 */
export function hostIdOf(given: string | undefined, identity: HostIdentity | undefined): string | undefined {
  return given ?? identity?.uuid ?? identity?.hostname;
}

/**
 * Detects hosts with the same `host.id`: boards whose vendor never set a UUID, and cloned VMs used as hypervisors,
 * report one that others have too, and a server treats their documents as those of one host.
 */
export class HostIds {
  readonly #idOf = new Map<HostExporter, string>();
  readonly #holderOf = new Map<string, HostExporter>();

  /** @returns another host that already holds this id */
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

import type { Domain } from '../libvirt/wire/types.ts';

/**
 * Where the CPU time of a VM is from. domainGetCpuStats has that of its control group, domainGetInfo that of QEMU's process
 * alone, which is less: what one begins, the other cannot continue.
 */
export type CpuTimeSource = 'group' | 'process';

/** The source of each run of a VM: the first that libvirt answers with. */
export class CpuTimeSources {
  readonly #byUuid = new Map<string, { readonly runId: number; readonly source: CpuTimeSource }>();

  /** Undefined while libvirt has answered neither way. */
  of({ uuid, id }: Domain): CpuTimeSource | undefined {
    const known = this.#byUuid.get(uuid);
    return known?.runId === id ? known.source : undefined;
  }

  /** libvirt has given the figures of the group, or has refused to, as it does without such a group. */
  record(domain: Domain, source: CpuTimeSource): void {
    if (this.of(domain) === undefined) this.#byUuid.set(domain.uuid, { runId: domain.id, source });
  }

  /** Forgets domains that do not exist any more. */
  keepOnly(uuids: ReadonlySet<string>): void {
    for (const uuid of this.#byUuid.keys()) if (!uuids.has(uuid)) this.#byUuid.delete(uuid);
  }
}

import type { Domain } from '../libvirt/wire/types.ts';

/**
 * Where the CPU time of a VM comes from. domainGetCpuStats has that of its control group, domainGetInfo only that of
 * the QEMU process, which is less: a counter must not switch between them.
 */
export type CpuTimeSource = 'group' | 'process';

/** The source for each run of a VM: the first that libvirt answers with. */
export class CpuTimeSources {
  readonly #byUuid = new Map<string, { readonly runId: number; readonly source: CpuTimeSource }>();

  /** Undefined until the source is known. */
  of({ uuid, id }: Domain): CpuTimeSource | undefined {
    const known = this.#byUuid.get(uuid);
    return known?.runId === id ? known.source : undefined;
  }

  /** Records that libvirt returned the figures of the group, or refused to, as it does without such a group. */
  record(domain: Domain, source: CpuTimeSource): void {
    if (this.of(domain) === undefined) this.#byUuid.set(domain.uuid, { runId: domain.id, source });
  }

  /** Forgets domains that no longer exist. */
  keepOnly(uuids: ReadonlySet<string>): void {
    for (const uuid of this.#byUuid.keys()) if (!uuids.has(uuid)) this.#byUuid.delete(uuid);
  }
}

import type { HostTopology } from '../../model/topology.ts';
import type { HostSample } from '../../sampler/host-sample.ts';

/** What rules need to know of the host and of the other VMs. */
export interface HostContext {
  readonly uri: string;
  readonly topology: HostTopology | undefined;
  /** Cell by CPU. */
  readonly cellOf: ReadonlyMap<number, number>;
  /** CPUs to which vCPUs are pinned alone, and the UUIDs of the VMs that they belong to. */
  readonly dedicated: ReadonlyMap<number, readonly { readonly uuid: string; readonly name: string }[]>;
  /** Wall clock of the sample. */
  readonly atMs: number;
}

export function hostContextOf(sample: HostSample, uri: string): HostContext {
  const topology = sample.host?.topology;
  const cellOf = new Map(
    topology?.cells.flatMap((cell) => cell.cpus.map((cpu) => [cpu.id, cell.id] as const)),
  );
  const dedicated = new Map<number, { uuid: string; name: string }[]>();
  for (const { domain, facts } of sample.domains) {
    if (domain.id === -1) continue;
    for (const pin of facts?.cpu.vcpuPins.values() ?? []) {
      if (pin.size !== 1 || pin.first === undefined) continue;
      const claims = dedicated.get(pin.first);
      const claim = { uuid: domain.uuid, name: domain.name };
      if (claims === undefined) dedicated.set(pin.first, [claim]);
      else claims.push(claim);
    }
  }
  return { uri, topology, cellOf, dedicated, atMs: sample.startedAtMs };
}

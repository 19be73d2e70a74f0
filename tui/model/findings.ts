import type { HostTopology } from '../../model/topology.ts';
import type { HostSample } from '../../sampler/host-sample.ts';
import { RULES } from './rules/all.ts';
import type { Vm } from './vm.ts';

export type Severity = 'info' | 'warn' | 'bad';

/** A problem of a VM, the figure that shows it, and the command that would fix it. */
export interface Finding {
  readonly rule: string;
  readonly severity: Severity;
  readonly text: string;
  /** What was measured or read. */
  readonly evidence: string;
  /** As an argument list; shown quoted for a shell, and never run by virtune. */
  readonly command?: readonly string[] | undefined;
}

/** What rules need to know of the host and of the other VMs. */
export interface HostFacts {
  readonly uri: string;
  readonly topology: HostTopology | undefined;
  /** Cell by CPU. */
  readonly cellOf: ReadonlyMap<number, number>;
  /** CPUs to which vCPUs are pinned alone, and the UUIDs of the VMs that they belong to. */
  readonly dedicated: ReadonlyMap<number, readonly { readonly uuid: string; readonly name: string }[]>;
  /** Wall clock of the sample. */
  readonly atMs: number;
}

export function hostFactsOf(sample: HostSample, uri: string): HostFacts {
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

const ORDER: Readonly<Record<Severity, number>> = { bad: 0, warn: 1, info: 2 };

/** The worst first. */
export function findingsOf(vm: Vm, host: HostFacts): readonly Finding[] {
  return RULES.flatMap((rule) => rule(vm, host)).sort((a, b) => ORDER[a.severity] - ORDER[b.severity]);
}

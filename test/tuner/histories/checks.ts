import { CpuSet } from '../../../model/cpu-set.ts';
import { type DomainState, type HostFacts, vmCpusOf } from '../../../tuner/facts/facts.ts';
import { neighboursOf, violationsOf } from '../../../tuner/invariants/violations.ts';
import { defaultHostCpus } from '../../../tuner/placement/inventory.ts';
import type { Assignment } from '../../../tuner/placement/types.ts';
import { readAll } from './user.ts';

interface Read {
  readonly host: HostFacts;
  readonly domains: readonly DomainState[];
}

/** All violations of what no plan may cause, as domains run and as they are defined. */
export async function broken(uri: string): Promise<string[]> {
  const { host, domains } = await readAll(uri);
  const isolated = host.local?.isolatedCpus ?? CpuSet.empty;
  const hostCpus = defaultHostCpus(host.topology, vmCpusOf(host), isolated);
  return domains.flatMap((state) => {
    const others = neighboursOf(
      domains.filter((other) => other !== state),
      host.topology,
    );
    return [state.live, state.inactive].flatMap((view) =>
      view === undefined
        ? []
        : violationsOf({ root: view.root, facts: view.facts, host, hostCpus, others }, undefined)
            .filter(({ level }) => level === 'refuse')
            .map(({ code }) => `${state.domain.name}: ${code}`),
    );
  });
}

/** CPUs that were just dedicated to one domain while a vCPU of another domain is pinned to that CPU alone. */
export function dedicatedToTwo({ domains }: Read, assignments: readonly Assignment[]): string[] {
  return assignments
    .filter(({ kind }) => kind === 'dedicated')
    .flatMap(({ guest, vcpus, sharedVcpus }) => {
      const own = CpuSet.of(
        vcpus.flatMap((cpus, vcpu) => (sharedVcpus?.has(vcpu) === true ? [] : [...cpus])),
      );
      return domains
        .filter(({ domain }) => domain.name !== guest)
        .map((other) => ({ name: other.domain.name, both: singles(other).intersection(own) }))
        .filter(({ both }) => both.size > 0)
        .map(({ name, both }) => `${guest} and ${name}: CPUs ${both}`);
    });
}

function singles({ live, inactive }: DomainState): CpuSet {
  const pins = [live, inactive].flatMap((view) => [...(view?.facts.cpu.vcpuPins.values() ?? [])]);
  return CpuSet.of(pins.filter(({ size }) => size === 1).flatMap((cpus) => [...cpus]));
}

import { CpuSet } from '../../model/cpu-set.ts';
import { claimsOf } from '../../model/dedicated.ts';
import type { DomainFacts } from '../../model/domain/domain.ts';
import type { HostTopology } from '../../model/topology.ts';
import type { Problem } from '../errors.ts';
import type { DomainState } from '../facts/facts.ts';
import { cpuInvariants } from './cpus.ts';
import { deviceInvariants } from './devices.ts';
import type { Invariant, Neighbour, Subject } from './invariant.ts';
import { memoryInvariants } from './memory.ts';

export const invariants: readonly Invariant[] = [...cpuInvariants, ...memoryInvariants, ...deviceInvariants];

/** An invariant that a description of a domain breaks. */
export interface Violation extends Problem {
  readonly level: Invariant['level'];
  /** It holds now, and would not any more. */
  readonly created: boolean;
}

/** What a description breaks; `before`: what it is to take the place of. */
export function violationsOf(subject: Subject, before: Subject | undefined): Violation[] {
  return invariants.flatMap(({ code, level, broken }): Violation[] => {
    const found = broken(subject);
    if (found === undefined) return [];
    return [{ code, level, ...found, created: before === undefined || broken(before) === undefined }];
  });
}

/** What each of these has of the host's CPUs, running or at the next boot. */
export function neighboursOf(states: readonly DomainState[], topology: HostTopology): Neighbour[] {
  return states.map(({ domain, live, inactive }) => ({
    name: domain.name,
    pinned: [live, inactive].reduce(
      (all, view) => (view === undefined ? all : all.union(claimed(view.facts, topology))),
      CpuSet.empty,
    ),
  }));
}

function claimed({ cpu }: DomainFacts, topology: HostTopology): CpuSet {
  const { vcpus, helpers, ranges } = claimsOf(cpu, topology);
  return ranges.reduce(
    (all, { cpus, narrow }) => (narrow && cpus !== undefined ? all.union(cpus) : all),
    vcpus.union(helpers),
  );
}

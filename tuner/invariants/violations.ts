import { CpuSet } from '../../model/cpu-set.ts';
import { claimsOf } from '../../model/dedicated.ts';
import type { DomainFacts } from '../../model/domain/domain.ts';
import type { HostTopology } from '../../model/topology.ts';
import { type DomainState, type HostFacts, hostOfDomain, vmCpusOf } from '../facts/facts.ts';
import { defaultHostCpus } from '../placement/inventory.ts';
import { cpuInvariants } from './cpus.ts';
import { deviceInvariants } from './devices.ts';
import type { Breach, Invariant, Neighbour, Subject } from './invariant.ts';
import { memoryInvariants } from './memory.ts';

export const invariants: readonly Invariant[] = [...cpuInvariants, ...memoryInvariants, ...deviceInvariants];

/** An invariant that a description of a domain breaks. */
export interface Violation extends Breach {
  /** Code of the invariant, stable for scripts. */
  readonly code: string;
  readonly level: Invariant['level'];
  /** The invariant holds now, and would no longer hold. */
  readonly created: boolean;
}

/** The invariants that a description breaks; `before`: the description that it would replace. */
export function violationsOf(subject: Subject, before: Subject | undefined): Violation[] {
  return invariants.flatMap((invariant) => {
    const { code, level } = invariant;
    const old = before === undefined ? [] : breachesOf(invariant, before);
    return breachesOf(invariant, subject).map(
      (breach): Violation => ({
        code,
        level,
        ...breach,
        created: !old.some(({ other }) => other === breach.other),
      }),
    );
  });
}

function breachesOf({ broken }: Invariant, subject: Subject): readonly Breach[] {
  const found = broken(subject);
  if (found === undefined) return [];
  return 'text' in found ? [found] : found;
}

/** A violation by one domain of a host, as it runs or as it will boot. */
export interface HostViolation {
  readonly state: DomainState;
  readonly view: 'live' | 'inactive';
  readonly violation: Violation;
}

/** Pure. All violations of level `refuse` among the domains of a host. */
export function brokenOnHost(host: HostFacts, states: readonly DomainState[]): HostViolation[] {
  const isolated = host.local?.isolatedCpus ?? CpuSet.empty;
  const hostCpus = host.hostCpus ?? defaultHostCpus(host.topology, vmCpusOf(host), isolated);
  const neighbours = neighboursOf(states, host.topology);
  return states.flatMap((state, index) => {
    const others = neighbours.filter((_, at) => at !== index);
    return (['live', 'inactive'] as const).flatMap((view) => {
      const seen = state[view];
      if (seen === undefined) return [];
      const { root, facts } = seen;
      return violationsOf({ root, facts, host: hostOfDomain(host, facts), hostCpus, others }, undefined)
        .filter(({ level }) => level === 'refuse')
        .map((violation) => ({ state, view, violation }));
    });
  });
}

/** A violation in a form that a journal can store, to be recognized later. */
export interface KnownViolation {
  readonly uuid: string;
  readonly view: HostViolation['view'];
  readonly code: string;
  /** Name of the conflicting domain, if any. */
  readonly other?: string | undefined;
  /** Affected CPUs, as a list. */
  readonly cpus?: string | undefined;
  /** How it is broken, as text, if no CPUs show the extent: a limit that is lower now is a new violation. */
  readonly text?: string | undefined;
}

export const knownViolation = ({ state, view, violation }: HostViolation): KnownViolation => ({
  uuid: state.domain.uuid,
  view,
  code: violation.code,
  other: violation.other,
  cpus: violation.cpus?.toString(),
  text: violation.cpus === undefined ? violation.text : undefined,
});

/** Whether a violation is known: on the same CPUs or a subset, or with the same text. `anyView`: in either view. */
export function isKnown(
  { state, view, violation }: HostViolation,
  known: readonly KnownViolation[],
  { anyView = false }: { readonly anyView?: boolean } = {},
): boolean {
  const { code, other, cpus, text } = violation;
  return known.some(
    (each) =>
      each.uuid === state.domain.uuid &&
      (anyView || each.view === view) &&
      each.code === code &&
      each.other === other &&
      (cpus === undefined ? each.text === text : cpus.isSubsetOf(CpuSet.parse(each.cpus ?? ''))),
  );
}

/** The host CPUs claimed by each of these domains, running or at the next boot. */
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

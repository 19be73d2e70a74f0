import type { CpuSet } from '../../model/cpu-set.ts';
import type { DomainFacts } from '../../model/domain/domain.ts';
import type { Element } from '../../model/xml.ts';
import type { Problem } from '../errors.ts';
import type { HostFacts } from '../facts/facts.ts';
import { findSetting } from '../settings/all.ts';

/** One of the host's other domains, as far as it can be in the way. */
export interface Neighbour {
  readonly name: string;
  /** CPUs that its threads have nowhere else to go from: what is pinned to a whole cell or more floats, and is not here. */
  readonly pinned: CpuSet;
}

/** A description of a domain, and what is around it. */
export interface Subject {
  readonly root: Element;
  readonly facts: DomainFacts;
  readonly host: HostFacts;
  /** CPUs that are kept for the host itself; undefined: not known. */
  readonly hostCpus: CpuSet | undefined;
  readonly others: readonly Neighbour[];
}

/** How an invariant is broken; `other`: the name of the domain that shares these `cpus`, where one does. */
export interface Breach extends Omit<Problem, 'code'> {
  readonly other?: string | undefined;
  readonly cpus?: CpuSet | undefined;
}

/**
 * What must hold in a domain's description, regardless of its author. `refuse`: no plan may create a domain that
 * breaks it; `warn`: it costs speed, and is shown.
 */
export interface Invariant {
  /** Stable, for scripts. */
  readonly code: string;
  readonly level: 'refuse' | 'warn';
  readonly what: string;
  readonly why: string;
  readonly source: string;
  /** How it is broken, in words, once for each other domain that shares its CPUs; undefined or none where it holds. */
  readonly broken: (subject: Subject) => Breach | readonly Breach[] | undefined;
}

export const saidOf = ({ root }: Subject, setting: string, target = ''): string | undefined =>
  findSetting(setting)?.read(root, target);

/** vCPUs of the domain by number. */
export const vcpusOf = ({ facts }: Subject): string[] =>
  Array.from({ length: Math.min(facts.cpu.vcpusMaximum ?? 1, 16_384) }, (_, vcpu) => String(vcpu));

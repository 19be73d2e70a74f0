import type { CpuSet } from '../../model/cpu-set.ts';
import type { DomainFacts } from '../../model/domain/domain.ts';
import type { Element } from '../../model/xml.ts';
import type { Problem } from '../errors.ts';
import type { HostFacts } from '../facts/facts.ts';
import { findSetting } from '../settings/all.ts';

/** Another domain of the host, reduced to what may conflict. */
export interface Neighbour {
  readonly name: string;
  /** CPUs that its threads cannot leave: threads pinned to a whole cell or more float, and do not count here. */
  readonly pinned: CpuSet;
}

/** A domain's description and its surroundings. */
export interface Subject {
  readonly root: Element;
  readonly facts: DomainFacts;
  readonly host: HostFacts;
  /** CPUs reserved for the host itself; undefined: unknown. */
  readonly hostCpus: CpuSet | undefined;
  readonly others: readonly Neighbour[];
}

/** How an invariant is broken; `other`: the domain that shares these `cpus`, if one does. */
export interface Breach extends Omit<Problem, 'code'> {
  readonly other?: string | undefined;
  readonly cpus?: CpuSet | undefined;
}

/**
 * What must hold in a domain's description, regardless of its author. `refuse`: no plan may create a domain that breaks
 * it; `warn`: it costs performance, and is shown.
 */
export interface Invariant {
  /** Stable, for scripts. */
  readonly code: string;
  readonly level: 'refuse' | 'warn';
  readonly what: string;
  readonly why: string;
  readonly source: string;
  /** How it is broken, as text, once per other domain that shares its CPUs; undefined or empty if it holds. */
  readonly broken: (subject: Subject) => Breach | readonly Breach[] | undefined;
}

export const settingOf = ({ root }: Subject, setting: string, target = ''): string | undefined =>
  findSetting(setting)?.read(root, target);

/** vCPUs of the domain by number. */
export const vcpusOf = ({ facts }: Subject): string[] =>
  Array.from({ length: Math.min(facts.cpu.vcpusMaximum ?? 1, 16_384) }, (_, vcpu) => String(vcpu));

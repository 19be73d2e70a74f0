import type { DomainFacts } from '../../model/domain/domain.ts';
import type { Element } from '../../model/xml.ts';
import type { Problem } from '../errors.ts';
import type { DomainState, HostFacts } from '../facts/facts.ts';
import type { Assignment } from '../placement/types.ts';
import { findSetting } from '../settings/all.ts';
import type { Setting } from '../settings/setting.ts';
import type { Policy } from './policy.ts';
import type { Subjects } from './rule.ts';
import type { Shape } from './shape.ts';
import type { ValueKind } from './values.ts';

/** What a knob bases its settings on. */
export interface KnobContext {
  readonly host: HostFacts;
  readonly state: DomainState;
  /** The definition, which is what will be changed. */
  readonly root: Element;
  readonly facts: DomainFacts;
  readonly policy: Policy;
  readonly shape: Shape;
  /** Absent if nothing was placed, or placement failed. */
  readonly assignment: Assignment | undefined;
  readonly subjects: Subjects;
  /** Ids of the iothreads that will exist. */
  readonly ioThreads: readonly number[];
  /** Disks, controllers or NICs that the entry applies to; `['']` for the domain. */
  readonly targets: readonly string[];
}

/** A wish that is not yet attributed to a profile entry. */
export interface Draft {
  readonly setting: Setting;
  readonly target: string;
  readonly value: string | undefined;
  readonly problem?: Problem | undefined;
  readonly proposal?: string | undefined;
}

export type KnobGroup = 'placement' | 'cpu' | 'memory' | 'iothreads' | 'disks' | 'nics' | 'hyperv' | 'timers';
type KnobScope = 'domain' | 'disk' | 'controller' | 'nic';

/** One key that a profile can set. */
export interface Knob {
  readonly id: string;
  readonly group: KnobGroup;
  readonly help: string;
  /** The kind of device that it can be set for by name; `domain` has no names. */
  readonly on: KnobScope;
  /** Accepted values, for the reference. */
  readonly takes: string;
  /** Ids of the settings that it produces; none if it only affects what other knobs produce. */
  readonly settings: readonly string[];
  /** @throws ValueError */
  readonly check: (value: unknown) => void;
  readonly drafts: (context: KnobContext, value: unknown) => readonly Draft[];
}

interface KnobDeclaration<V> {
  readonly id: string;
  readonly group: KnobGroup;
  readonly help: string;
  readonly on?: KnobScope;
  readonly value: ValueKind<V>;
  readonly settings?: readonly string[];
  readonly drafts?: (context: KnobContext, value: V) => readonly Draft[];
}

/** A knob with its own conversion of the value to settings. */
export function knob<V>(declared: KnobDeclaration<V>): Knob {
  const { id, group, help, on = 'domain', value, settings = [], drafts = () => [] } = declared;
  return {
    id,
    group,
    help,
    on,
    takes: value.help,
    settings,
    check: (raw) => void value.parse(raw),
    drafts: (context, raw) => drafts(context, value.parse(raw)),
  };
}

/** A knob that maps to one setting per target. */
export function plainKnob<V>(
  declared: Omit<KnobDeclaration<V>, 'drafts' | 'settings'> & {
    /** Default: the setting of the same name. */
    readonly setting?: string;
    /** The value in the setting's canonical form. */
    readonly canonical: (value: V, context: KnobContext) => string | undefined;
    readonly proposal?: string;
  },
): Knob {
  const { canonical, proposal, setting: id = declared.id, ...rest } = declared;
  return knob({
    ...rest,
    settings: [id],
    drafts: (context, value) =>
      context.targets.map((target) => ({ ...draft(id, target, canonical(value, context)), proposal })),
  });
}

/** @throws TypeError for a setting that does not exist: a bug in the table, found by a test. */
export function draft(id: string, target: string, value: string | undefined): Draft {
  const setting = findSetting(id);
  if (setting === undefined) throw new TypeError(`there is no setting ${id}`);
  return { setting, target, value };
}

/** Removes a setting that would conflict with another; no draft if it is not set. */
export function cleared(root: Element, id: string, target: string): Draft[] {
  const out = draft(id, target, undefined);
  return out.setting.read(root, target) === undefined ? [] : [out];
}

/** For a knob whose value is stored unchanged. */
export const asIs = <V>(value: V): V => value;

export const numberText = (value: number | undefined): string | undefined =>
  value === undefined ? undefined : String(value);

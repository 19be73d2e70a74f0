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

/** What a knob looks at to say which settings it comes to. */
export interface KnobContext {
  readonly host: HostFacts;
  readonly state: DomainState;
  /** The definition, which is what is written. */
  readonly root: Element;
  readonly facts: DomainFacts;
  readonly policy: Policy;
  readonly shape: Shape;
  /** Absent where nothing was placed, or could not be. */
  readonly assignment: Assignment | undefined;
  readonly subjects: Subjects;
  /** Of iothreads as they will be. */
  readonly ioThreads: readonly number[];
  /** Disks, controllers or NICs that the entry is for; `['']` for the domain. */
  readonly targets: readonly string[];
}

/** A wish before it is known whose words it is. */
export interface Draft {
  readonly setting: Setting;
  readonly target: string;
  readonly value: string | undefined;
  readonly problem?: Problem | undefined;
  readonly proposal?: string | undefined;
}

export type KnobGroup = 'placement' | 'cpu' | 'memory' | 'iothreads' | 'disks' | 'nics' | 'hyperv' | 'timers';
type KnobScope = 'domain' | 'disk' | 'controller' | 'nic';

/** One thing that a profile can say. */
export interface Knob {
  readonly id: string;
  readonly group: KnobGroup;
  readonly help: string;
  /** What it may be said of by name; for `domain` there is nothing to name. */
  readonly on: KnobScope;
  /** What it takes, for the reference. */
  readonly takes: string;
  /** Ids of the settings that it comes to; none where it only decides what others come to. */
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

/** A knob whose value becomes settings in its own way. */
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

/** A knob that is one setting, of each of its targets. */
export function plainKnob<V>(
  declared: Omit<KnobDeclaration<V>, 'drafts' | 'settings'> & {
    /** Default: of the same name. */
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

/** @throws TypeError for a setting that does not exist: a fault of the table, which a test finds. */
export function draft(id: string, target: string, value: string | undefined): Draft {
  const setting = findSetting(id);
  if (setting === undefined) throw new TypeError(`there is no setting ${id}`);
  return { setting, target, value };
}

/** What stands in the way of another setting is taken out; where it is not there, nothing needs to be said of it. */
export function cleared(root: Element, id: string, target: string): Draft[] {
  const out = draft(id, target, undefined);
  return out.setting.read(root, target) === undefined ? [] : [out];
}

/** For a knob whose value is what its setting holds. */
export const asIs = <V>(value: V): V => value;

export const numberText = (value: number | undefined): string | undefined =>
  value === undefined ? undefined : String(value);

import type { HostKnobId } from './host-knobs.ts';
import type { ValueKind } from './values.ts';

/** A profile's entry for one knob, for all disks or NICs of a domain or for those that it names. */
export interface Entry {
  /** As written in the file; interpreted by the knob. */
  readonly value: unknown;
  readonly why: string;
  readonly source: string;
  /** Targets as globs, `vd*`; absent: all. */
  readonly on?: readonly string[] | undefined;
  /** The profile in the lineage that the entry comes from. */
  readonly from?: string | undefined;
}

/** A profile merged with everything that it extends; contains only knobs that are set. */
export interface Profile {
  readonly name: string;
  readonly title: string;
  readonly description: string;
  /** Itself, then everything that it extends, the most distant last. */
  readonly lineage: readonly string[];
  /** Hash of all values: equal versions mean equal values. */
  readonly version: string;
  /** By knob; the first entry that matches a target applies to it. */
  readonly knobs: ReadonlyMap<string, readonly Entry[]>;
  readonly host: ReadonlyMap<HostKnobId, Entry>;
}

/** Value of a knob of the whole domain; undefined: unchanged. */
export function knobValue<V>(profile: Profile, id: string, kind: ValueKind<V>): V | undefined {
  const entry = profile.knobs.get(id)?.[0];
  return entry === undefined ? undefined : kind.parse(entry.value);
}

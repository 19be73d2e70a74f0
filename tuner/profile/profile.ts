import type { HostKnobId } from './host-knobs.ts';
import type { ValueKind } from './values.ts';

/** What a profile says of one knob, for all of a domain's disks or NICs or for those that it names. */
export interface Entry {
  /** As the file has it; the knob knows what it means. */
  readonly value: unknown;
  readonly why: string;
  readonly source: string;
  /** Targets as globs, `vd*`; absent: all. */
  readonly on?: readonly string[] | undefined;
  /** The profile that says it, of those that one is made of. */
  readonly from?: string | undefined;
}

/** A profile with all that it extends; knobs that it leaves alone are not in it. */
export interface Profile {
  readonly name: string;
  readonly title: string;
  readonly description: string;
  /** Itself, then all that it stands on, the eldest last. */
  readonly lineage: readonly string[];
  /** Of all that it says: two with the same say the same. */
  readonly version: string;
  /** By knob; the first entry that names a target holds for it. */
  readonly knobs: ReadonlyMap<string, readonly Entry[]>;
  readonly host: ReadonlyMap<HostKnobId, Entry>;
}

/** Value of a knob of the whole domain; undefined: unchanged. */
export function knobValue<V>(profile: Profile, id: string, kind: ValueKind<V>): V | undefined {
  const entry = profile.knobs.get(id)?.[0];
  return entry === undefined ? undefined : kind.parse(entry.value);
}

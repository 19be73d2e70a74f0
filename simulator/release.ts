import {
  type HostVersions,
  isSince,
  LIBVIRT_FEATURES,
  type LibvirtFeature,
  type Since,
} from '../model/libvirt-features.ts';
import { TESTED_VERSIONS, type TestedVersion } from '../model/tested-versions.ts';

/** What a simulated host poses as. */
export type ReleaseName = TestedVersion;

export interface Release extends HostVersions {
  readonly name: ReleaseName;
}

export const RELEASE_NAMES = Object.keys(TESTED_VERSIONS) as readonly ReleaseName[];

export function releaseOf(name: ReleaseName): Release {
  return { name, ...TESTED_VERSIONS[name] };
}

/** The one that most tests were written for. */
export const DEFAULT_RELEASE = releaseOf('9.0');

/**
 * Where real daemons of these releases answer otherwise, and NEWS does not say since when: the first release where it was
 * seen.
 */
const HABITS = {
  /** Controllers of one type stand together in the first definition, not only when it is defined again. */
  groupsControllers: { libvirt: '11.3' },
  /** `<metadata>` goes with its last element. */
  dropsEmptyMetadata: { libvirt: '11.3' },
  /** Shares of CPU time are not compared with a range before a start. */
  storesAnyShares: { libvirt: '11.3' },
  /** Typed parameters of iothreads may be of the wider type. */
  takesWidePolling: { libvirt: '11.3' },
  /** `device` in the `<model>` of a virtio video card. */
  namesVideoDevice: { libvirt: '12.9' },
} as const satisfies Record<string, Since>;

export type Trait = LibvirtFeature | keyof typeof HABITS;
const TRAITS: Readonly<Record<Trait, Since>> = { ...LIBVIRT_FEATURES, ...HABITS };
/** By release, since it is asked for every disk of every VM. */
const known = new Map<ReleaseName, ReadonlySet<Trait>>();

/** Whether this release has or does it. Undefined: every release does. */
export function knows(release: Release, trait: Trait | undefined): boolean {
  if (trait === undefined) return true;
  let traits = known.get(release.name);
  if (traits === undefined) {
    const all = Object.keys(TRAITS) as Trait[];
    traits = new Set(all.filter((each) => isSince(release, TRAITS[each])));
    known.set(release.name, traits);
  }
  return traits.has(trait);
}

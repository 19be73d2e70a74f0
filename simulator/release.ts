import {
  type HostVersions,
  isSince,
  LIBVIRT_FEATURES,
  type LibvirtFeature,
  type Since,
} from '../model/libvirt-features.ts';
import { TESTED_VERSIONS, type TestedVersion } from '../model/tested-versions.ts';

/** A release that a simulated host can have. */
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
 * Behaviour that differs between real daemons and whose release is not in NEWS: the first release where it was
 * observed.
 */
const HABITS = {
  /** Controllers of one type are grouped in the first definition, not only when it is redefined. */
  groupsControllers: { libvirt: '11.3' },
  /** `<metadata>` is removed together with its last element. */
  dropsEmptyMetadata: { libvirt: '11.3' },
  /** CPU shares are not checked against a range before a start. */
  storesAnyShares: { libvirt: '11.3' },
  /** Accepts the wider type for typed parameters of iothreads. */
  takesWidePolling: { libvirt: '11.3' },
  /** `device` in the `<model>` of a virtio video card. */
  namesVideoDevice: { libvirt: '12.9' },
} as const satisfies Record<string, Since>;

export type Trait = LibvirtFeature | keyof typeof HABITS;
const TRAITS: Readonly<Record<Trait, Since>> = { ...LIBVIRT_FEATURES, ...HABITS };
/** Cached by release, since it is queried for every disk of every VM. */
const known = new Map<ReleaseName, ReadonlySet<Trait>>();

/** Whether this release has the trait. Undefined: every release does. */
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

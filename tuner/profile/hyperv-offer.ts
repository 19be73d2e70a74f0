import type { DomainState, HostFacts } from '../facts/facts.ts';

/** libvirt 9.0 is the first to list enlightenments, QEMU 6.1 the first to report them all (formatdomaincaps). */
const LISTED_LIBVIRT = 9_000_000;
const LISTED_QEMU = 6_001_000;

/**
 * The enlightenments available to a domain, by libvirt's names; undefined if libvirt or QEMU is too old to list them.
 */
export function hypervOffer(
  { libvirtVersion, qemuVersion }: HostFacts,
  { capabilities }: DomainState,
): ReadonlySet<string> | undefined {
  const listed = libvirtVersion >= LISTED_LIBVIRT && qemuVersion >= LISTED_QEMU;
  return listed ? capabilities?.hyperv : undefined;
}

import type { DomainState } from '../facts/facts.ts';
import type { PlacementRequest } from '../placement/types.ts';
import { policyOf } from '../profile/policy.ts';
import type { Profile } from '../profile/profile.ts';

/** What an SRE should know before applying a plan, beyond single settings. */
export function warningsOf(
  picks: readonly { readonly state: DomainState; readonly profile: Profile }[],
  requests: readonly PlacementRequest[],
): string[] {
  return picks.flatMap(({ state, profile }) => {
    const request = requests.find(({ guest }) => guest === state.domain.name);
    return [...ownerWarnings(state), ...strictWarnings(state, profile, request)];
  });
}

/** Nova rewrites the whole definition at each hard reboot, resize and migration; vdsm at each start. */
function ownerWarnings({ domain, inactive, live }: DomainState): string[] {
  const facts = (inactive ?? live)?.facts;
  const owned = [
    ...(facts?.nova === undefined
      ? []
      : [
          'OpenStack Nova, which rewrites the definition at each hard reboot, resize and migration; changes made here are lost then. Use the flavor instead (hw:cpu_policy, hw:mem_page_size, hw:emulator_threads_policy)',
        ]),
    ...(facts?.ovirt === undefined
      ? []
      : [
          'oVirt, which rewrites the definition at each start; changes made here are lost then. Use the resource allocation of the VM in oVirt instead',
        ]),
  ];
  return owned.map((owner) => `${domain.name} is managed by ${owner}`);
}

/** Hugepages are reserved for the VM; other memory of a cell can run out while the next cell has plenty. */
function strictWarnings(
  { domain }: DomainState,
  profile: Profile,
  request: PlacementRequest | undefined,
): string[] {
  const { numaMode } = policyOf(profile);
  if (numaMode !== 'strict' || request === undefined || request.pageKiB !== undefined) return [];
  return [
    `memory of ${domain.name} will be bound strictly to its cells, without huge pages: if these cells run out of memory, it swaps or is killed although other cells have free memory; use huge pages (memory.pages: largest), or a less strict binding (numa.memory: preferred)`,
  ];
}

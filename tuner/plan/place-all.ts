import { CpuSet } from '../../model/cpu-set.ts';
import type { DomainFacts } from '../../model/domain/domain.ts';
import { type CellMemory, type DomainState, type HostFacts, hostOfDomain, vmCpusOf } from '../facts/facts.ts';
import { ratioRefusals } from '../placement/explain.ts';
import { type HostDomain, placementHost } from '../placement/inventory.ts';
import { place, placeFairly } from '../placement/policy.ts';
import { REFUSE_RATIO, ratioText, type Sharing, sharingOf, WARN_RATIO } from '../placement/sharing.ts';
import type { Assignment, Placement, PlacementHost, PlacementRequest } from '../placement/types.ts';
import { definitionOf } from '../profile/definition.ts';
import { policyOf } from '../profile/policy.ts';
import { markOf } from './plan.ts';
import type { PlanInput } from './plan-input.ts';

interface PlacedAll {
  readonly placement: Placement;
  readonly sharing: Sharing;
  /** The result of `--rebalance`, if it is much better. */
  readonly rebalanced: Sharing | undefined;
}

/** VMs whose control groups allow the same CPUs and memory, and the host as they see it. */
interface Group {
  readonly host: HostFacts;
  readonly requests: readonly PlacementRequest[];
}

/**
 * Places all VMs of a plan. Groups of VMs with different control groups (`<resource><partition>`) are placed one after
 * the other, each around the groups before it.
 */
export function placeAll(
  input: PlanInput,
  requests: readonly PlacementRequest[],
  memory: readonly CellMemory[],
): PlacedAll {
  const { rebalance = false, allowedRatio = REFUSE_RATIO } = input;
  const parts: { readonly view: PlacementHost; readonly group: Group; readonly found: Placement }[] = [];
  const sharingFor = sharingIn(input);
  for (const group of groupsOf(input, requests)) {
    const before = parts.flatMap(({ found }) => found.assignments);
    const view = viewOf(input, group, memory, before);
    const worstRatio = (own: readonly Assignment[]): number =>
      sharingFor(view, [...before, ...own]).after.worstRatio;
    parts.push({ view, group, found: placeFairly(view, group.requests, { rebalance, worstRatio }) });
  }
  const found = joined(parts.map((part) => part.found));
  const [{ view, group }, ...more] = parts as [(typeof parts)[number], ...typeof parts];
  const sharing = sharingFor(view, found.assignments);
  const better =
    rebalance || more.length > 0 ? undefined : muchBetter(view, group.requests, found, sharing, sharingFor);
  const next =
    better &&
    `use --rebalance, which lowers the ratio to ${ratioText(better.after.worstRatio)} but moves VMs that are already placed`;
  const refusals = [...found.refusals, ...ratioRefusals(sharing, allowedRatio, next)];
  return {
    placement: { ...found, kind: refusals.length === 0 ? 'placed' : 'refused', refusals },
    sharing,
    rebalanced: better,
  };
}

/** Groups in the order of their first VM; at least one. */
function groupsOf({ host, picks }: PlanInput, requests: readonly PlacementRequest[]): Group[] {
  const groups = new Map<string, Group>();
  for (const request of requests) {
    const pick = picks.find(({ state }) => state.domain.name === request.guest);
    const own = pick === undefined ? host : hostOfDomain(host, definitionOf(pick.state).facts);
    const key = `${own.local?.vmCpus} ${own.local?.vmMemoryCells}`;
    const group = groups.get(key);
    groups.set(key, { host: own, requests: [...(group?.requests ?? []), request] });
  }
  return groups.size === 0 ? [{ host, requests: [] }] : [...groups.values()];
}

/** The host as one group sees it, with the VMs in `placed` in their new places. */
function viewOf(
  { host: given, domains, profileOf, hostCpus }: PlanInput,
  { host, requests }: Group,
  memory: readonly CellMemory[],
  placed: readonly Assignment[],
): PlacementHost {
  const byGuest = new Map(placed.map((each) => [each.guest, each]));
  return placementHost(host.topology, {
    online: host.online,
    vmCpus: host.local?.vmCpus,
    isolated: host.local?.isolatedCpus,
    efficiencyCpus: host.local?.efficiencyCpus,
    hostCpus,
    defaultPageKiB: host.local?.defaultPageKiB,
    memory,
    domains: domains.map((state) => {
      const domain = hostDomain(state, given, profileOf);
      const at = byGuest.get(domain.name);
      return at === undefined ? domain : { ...domain, inactive: placedAt(domain.inactive, at) };
    }),
    // A picked domain that wants no placement counts as another VM: it keeps what it has.
    placing: new Set(requests.map(({ guest }) => guest)),
  });
}

/** A definition's claims once its VM is placed there. */
function placedAt(facts: DomainFacts | undefined, at: Assignment): DomainFacts | undefined {
  if (facts === undefined) return undefined;
  const { cpu, memory } = facts;
  const cells = at.memoryCells.map((cell) => CpuSet.of([cell]));
  return {
    ...facts,
    cpu: {
      ...cpu,
      vcpuPins: new Map(at.vcpus.map((cpus, vcpu) => [vcpu, cpus])),
      emulatorPin: at.emulator,
      ioThreadPins: new Map(cpu.ioThreads.map((id) => [id, at.ioThreads])),
    },
    memory: {
      ...memory,
      numaMode: 'strict',
      numaNodeset: CpuSet.of(at.memoryCells),
      memNodes: cells.length > 1 ? new Map(cells.map((nodes, id) => [id, nodes])) : memory.memNodes,
    },
  };
}

function joined(parts: readonly Placement[]): Placement {
  const [first, ...more] = parts as [Placement, ...Placement[]];
  return more.reduce(
    (all, each) => ({
      kind: all.kind === 'placed' ? each.kind : all.kind,
      assignments: [...all.assignments, ...each.assignments],
      refusals: [...all.refusals, ...each.refusals],
      moved: [...all.moved, ...each.moved],
      repinned: [...(all.repinned ?? []), ...(each.repinned ?? [])],
      overlaps: [...all.overlaps, ...each.overlaps],
      cost: all.cost + each.cost,
      proven: all.proven && each.proven,
    }),
    first,
  );
}

type SharingFor = (view: PlacementHost, assignments: readonly Assignment[]) => Sharing;

function sharingIn({ host, domains, picks }: PlanInput): SharingFor {
  const running = domains.flatMap(({ domain, live }) =>
    live === undefined
      ? []
      : [{ name: domain.name, live: live.facts, cpus: ownCpus(hostOfDomain(host, live.facts), host) }],
  );
  const fixed = {
    topology: host.topology,
    online: running.reduce((all, { cpus }) => (cpus === undefined ? all : all.union(cpus)), vmCpusOf(host)),
    running,
    named: new Set(picks.map(({ state }) => state.domain.name)),
    unpinned: new Set(
      picks
        .filter(({ profile }) => policyOf(profile).pinning === 'none')
        .map(({ state }) => state.domain.name),
    ),
  };
  return (view, assignments) =>
    sharingOf({
      ...fixed,
      isolated: view.isolated,
      hostCpus: view.cells.reduce((all, { housekeeping }) => all.union(housekeeping), CpuSet.empty),
      assignments,
    });
}

/** CPUs that a domain's control group allows; undefined if the same as for all VMs. */
function ownCpus(own: HostFacts, host: HostFacts): CpuSet | undefined {
  const cpus = vmCpusOf(own);
  return cpus.equals(vmCpusOf(host)) ? undefined : cpus;
}

/** Ratios must fall to this fraction before `--rebalance` is proposed: it moves VMs that run well where they are. */
const WORTH_REBALANCING = 0.75;

function muchBetter(
  view: PlacementHost,
  requests: readonly PlacementRequest[],
  found: Placement,
  now: Sharing,
  sharingFor: SharingFor,
): Sharing | undefined {
  const placed = requests.some(({ current }) => current !== undefined);
  if (!placed || (found.refusals.length === 0 && now.after.worstRatio <= WARN_RATIO)) return undefined;
  const other = place(view, requests, { rebalance: true });
  if (other.refusals.length > found.refusals.length) return undefined;
  const sharing = sharingFor(view, other.assignments);
  return sharing.after.worstRatio <= now.after.worstRatio * WORTH_REBALANCING ? sharing : undefined;
}

/** A domain tuned earlier keeps what its profile gave it, such as the idle siblings of its CPUs. */
function hostDomain(state: DomainState, host: HostFacts, profileOf: PlanInput['profileOf']): HostDomain {
  const { domain, live, inactive } = state;
  const mark = markOf(state);
  const profile = mark && profileOf(mark.profile);
  const facts = (live ?? inactive)?.facts;
  const own = facts && hostOfDomain(host, facts);
  return {
    name: domain.name,
    live: live?.facts,
    inactive: inactive?.facts,
    cpus: own && ownCpus(own, host),
    memoryCells: own?.local?.vmMemoryCells,
    threads: profile && policyOf(profile).threads,
  };
}

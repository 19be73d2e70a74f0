import { CpuSet } from '../../model/cpu-set.ts';
import type { Problem } from '../errors.ts';
import { type CellMemory, type DomainState, type HostFacts, vmCpusOf } from '../facts/facts.ts';
import { pageLedger } from '../hugepages/ledger.ts';
import { neighboursOf } from '../invariants/violations.ts';
import { ratioRefusals } from '../placement/explain.ts';
import { defaultHostCpus, type HostDomain, placementHost } from '../placement/inventory.ts';
import { place, placeFairly } from '../placement/policy.ts';
import { REFUSE_RATIO, ratioText, type Sharing, sharingOf, WARN_RATIO } from '../placement/sharing.ts';
import type { Assignment, Placement, PlacementHost, PlacementRequest, Refusal } from '../placement/types.ts';
import { placementRequest } from '../profile/placement-request.ts';
import { policyOf } from '../profile/policy.ts';
import type { Profile } from '../profile/profile.ts';
import type { ReservedPages } from '../profile/reservations.ts';
import { resolve, withConsequences } from '../profile/resolve.ts';
import { resolveHost } from '../profile/resolve-host.ts';
import { planHost } from './host-plan.ts';
import { grown, keepBack, type Placed, pageNeeds } from './page-needs.ts';
import { type DomainPlan, isRefused, markOf, type Plan, planDomain } from './plan.ts';
import { type Probes, probed, withPreallocation } from './preconditions.ts';
import { brokenUntilBoot, type Surroundings } from './safety.ts';
import { type Inheritance, inherit, keyOf } from './take-back.ts';
import { warningsOf } from './warnings.ts';

/** A domain, and what it is to become. */
export interface Pick {
  readonly state: DomainState;
  readonly profile: Profile;
}

export interface PlanInput {
  readonly host: HostFacts;
  /** All of the host's, picked or not: the others' pins and pages are respected. */
  readonly domains: readonly DomainState[];
  readonly picks: readonly Pick[];
  /** Those that others were tuned by; undefined for a name that is not known (any more). */
  readonly profileOf: (name: string) => Profile | undefined;
  /** CPUs that no VM gets; absent: the placement's own choice. */
  readonly hostCpus?: CpuSet | undefined;
  /** False: what profiles want of the host itself is left alone, its pools of pages too. */
  readonly withHost?: boolean | undefined;
  /** Hugepages that no VM gets. */
  readonly reservedPages?: readonly ReservedPages[] | undefined;
  /** Where VMs are now counts for nothing. */
  readonly rebalance?: boolean | undefined;
  /** The host's governor, idle states and swappiness are set too (`--host`). */
  readonly setsKernel?: boolean | undefined;
  /** vCPUs for each shared CPU up to which VMs may be squeezed; absent: `REFUSE_RATIO`. */
  readonly allowedRatio?: number | undefined;
  /** Names of domains that were left out, because nobody named them and their pins are not virtune's. */
  readonly leftAlone?: readonly string[] | undefined;
  /** What only a boot brings is brought about by a restart. */
  readonly restart?: boolean | undefined;
  /** Settings whose change in the guest somebody vouches for. */
  readonly accepted?: ReadonlySet<string> | undefined;
  /** Looks at the host where a wish depends on it; absent where virtune does not run there. */
  readonly probes?: Probes | undefined;
  /** Of the transaction that it becomes when it is applied. */
  readonly id: string;
  /** ISO 8601. */
  readonly at: string;
}

/** What would become of these domains. Reads, and changes nothing. */
export async function makePlan(given: PlanInput): Promise<Plan> {
  const host = { ...given.host, hostCpus: given.hostCpus };
  const input = { ...given, host };
  const { picks } = input;
  const heirs = picks.map((pick) => inherit(pick.profile, host, pick.state, input.profileOf));
  const requests = picks.flatMap(
    ({ profile }, index) => placementRequest(profile, host, (heirs[index] as Inheritance).base) ?? [],
  );
  const hostWishes = input.withHost === false ? [] : resolveHost(picks.map(({ profile }) => profile));
  const growing = hostWishes.some(({ knob, problem }) => knob === 'hugepages' && problem === undefined);
  const memory = keepBack(growing ? grown(host.cells) : host.cells, input.reservedPages ?? []);
  const { placement, sharing, rebalanced } = placeAll(input, requests, memory);
  const byGuest = new Map(placement.assignments.map((assignment) => [assignment.guest, assignment]));
  const placed = requests.flatMap((request): Placed[] => {
    const assignment = byGuest.get(request.guest);
    const live = picks.find(({ state }) => state.domain.name === request.guest)?.state.live?.facts;
    return assignment === undefined ? [] : [{ request, assignment, live }];
  });
  const plans = await Promise.all(
    picks.map((pick, index) =>
      planOne(
        input,
        pick,
        heirs[index] as Inheritance,
        byGuest.get(pick.state.domain.name),
        surroundings(input, pick, placement.assignments),
      ),
    ),
  );
  return {
    id: input.id,
    host,
    placement: withRefusals(placement, plans, input),
    sharing,
    rebalanced,
    leftAlone: input.leftAlone ?? [],
    warnings: warningsOf(picks, requests),
    hostPlan: planHost(
      host,
      hostWishes,
      growing ? pageNeeds(host.cells, unpromised(input), placed) : [],
      placement.assignments,
      { setsKernel: input.setsKernel },
    ),
    domains: plans,
  };
}

/** Free pages that nobody else will take: without those that are kept for the host, and for the next boot of other VMs. */
function unpromised({ host, domains, picks, reservedPages = [] }: PlanInput): CellMemory[] {
  const picked = new Set(picks.map(({ state }) => state.domain.uuid));
  const { pools, shared } = pageLedger(
    host.cells,
    domains.filter(({ domain }) => !picked.has(domain.uuid)),
  );
  return keepBack(host.cells, [
    ...reservedPages,
    ...pools.map(({ cell, sizeKiB, needed }) => ({ cell, sizeKiB, count: needed })),
    ...shared.map(({ sizeKiB, needed }) => ({ cell: undefined, sizeKiB, count: needed })),
  ]);
}

/** A domain that would become a danger is refused like one that finds no place: nothing of the plan is applied. */
function withRefusals(placement: Placement, plans: readonly DomainPlan[], input: PlanInput): Placement {
  const { host, domains } = input;
  const defined = plans.flatMap(({ state, violations }) =>
    violations.filter(isRefused).map((violation) => refusalOf(state.domain.name, violation)),
  );
  const untilBoot = brokenUntilBoot(plans, domains, { host, hostCpus: hostCpusOf(input) }).map(
    ({ name, violation }) =>
      refusalOf(name, {
        ...violation,
        text: `${violation.text}, until its next boot`,
        next: 'restart it in the same run (--restart), or apply its plan first and restart it',
      }),
  );
  // What its definition would break is the reason; its run says the same again.
  const refusals = defined.length > 0 ? defined : untilBoot;
  return refusals.length === 0
    ? placement
    : { ...placement, kind: 'refused', refusals: [...placement.refusals, ...refusals] };
}

const refusalOf = (guest: string, { code, text, next }: Problem): Refusal => ({
  guest,
  code: 'UNSAFE',
  text: `${code}: ${text}`,
  next,
});

/** CPUs that are kept for the host: those that were named, or the placement's own choice. */
function hostCpusOf({ host, hostCpus }: PlanInput): CpuSet {
  return hostCpus ?? defaultHostCpus(host.topology, vmCpusOf(host), host.local?.isolatedCpus ?? CpuSet.empty);
}

/** The others as they are, and those that are placed with it as they will be. */
function surroundings(
  input: PlanInput,
  { state: own }: Pick,
  assignments: readonly Assignment[],
): Surroundings {
  const { host, domains, picks } = input;
  const picked = new Set(picks.map(({ state }) => state.domain.uuid));
  const placed = assignments
    .filter(({ guest, kind }) => kind === 'dedicated' && guest !== own.domain.name)
    .map(({ guest, vcpus }) => ({ name: guest, pinned: CpuSet.of(vcpus.flatMap((cpus) => [...cpus])) }));
  return {
    host,
    hostCpus: hostCpusOf(input),
    others: [
      ...placed,
      ...neighboursOf(
        domains.filter(({ domain }) => !picked.has(domain.uuid)),
        host.topology,
      ),
    ],
  };
}

async function planOne(
  input: PlanInput,
  { state: read, profile }: Pick,
  { base: before, wishes: takenBack, left, marked }: Inheritance,
  assignment: Assignment | undefined,
  around: Surroundings,
): Promise<DomainPlan> {
  const state = await withPreallocation(read, input.probes);
  const base = before === read ? state : await withPreallocation(before, input.probes);
  const accepted = input.accepted ?? new Set<string>();
  const resolved = resolve(profile, input.host, base, assignment, { accepted });
  const mentioned = new Set(resolved.map(({ setting, target }) => keyOf(setting.id, target)));
  const wishes = [
    ...takenBack.filter(({ setting, target }) => !mentioned.has(keyOf(setting.id, target))),
    ...resolved,
  ];
  return planDomain({
    state,
    profile: { name: profile.name, version: profile.version },
    assignment,
    // What was found by trying takes with it what stands on it: native I/O on a cache that cannot be.
    wishes: withConsequences(await probed(wishes, base, input.probes), input.host, base, { accepted }),
    marked,
    left,
    around,
    judging: { accepted, online: input.host.online },
    restart: input.restart ?? false,
    id: input.id,
    at: input.at,
  });
}

interface PlacedAll {
  readonly placement: Placement;
  readonly sharing: Sharing;
  /** What `--rebalance` would come to, where that is much better. */
  readonly rebalanced: Sharing | undefined;
}

function placeAll(
  input: PlanInput,
  requests: readonly PlacementRequest[],
  memory: readonly CellMemory[],
): PlacedAll {
  const { host, domains, profileOf, hostCpus, rebalance = false, allowedRatio = REFUSE_RATIO } = input;
  const view = placementHost(host.topology, {
    online: host.online,
    vmCpus: host.local?.vmCpus,
    isolated: host.local?.isolatedCpus,
    efficiencyCpus: host.local?.efficiencyCpus,
    hostCpus,
    memory,
    domains: domains.map((state) => hostDomain(state, profileOf)),
    // One that is picked and wants no place is one of the others: it has what it has.
    placing: new Set(requests.map(({ guest }) => guest)),
  });
  const sharingFor = sharingIn(input, view);
  const worstRatio = (assignments: readonly Assignment[]): number => sharingFor(assignments).after.worstRatio;
  const found = placeFairly(view, requests, { rebalance, worstRatio });
  const sharing = sharingFor(found.assignments);
  const rebalanced = rebalance ? undefined : muchBetter(view, requests, found, sharing, sharingFor);
  const next =
    rebalanced &&
    `use --rebalance, which lowers the ratio to ${ratioText(rebalanced.after.worstRatio)} but moves VMs that are already placed`;
  const refusals = [...found.refusals, ...ratioRefusals(sharing, allowedRatio, next)];
  return {
    placement: { ...found, kind: refusals.length === 0 ? 'placed' : 'refused', refusals },
    sharing,
    rebalanced,
  };
}

function sharingIn(
  { host, domains, picks }: PlanInput,
  view: PlacementHost,
): (assignments: readonly Assignment[]) => Sharing {
  const fixed = {
    topology: host.topology,
    online: vmCpusOf(host),
    isolated: view.isolated,
    hostCpus: view.cells.reduce((all, { housekeeping }) => all.union(housekeeping), CpuSet.empty),
    running: domains.flatMap(({ domain, live }) =>
      live === undefined ? [] : [{ name: domain.name, live: live.facts }],
    ),
    named: new Set(picks.map(({ state }) => state.domain.name)),
    unpinned: new Set(
      picks
        .filter(({ profile }) => policyOf(profile).pinning === 'none')
        .map(({ state }) => state.domain.name),
    ),
  };
  return (assignments) => sharingOf({ ...fixed, assignments });
}

/** Ratios have to fall by so much before `--rebalance` is proposed: it moves VMs that run well where they are. */
const WORTH_REBALANCING = 0.75;

function muchBetter(
  view: PlacementHost,
  requests: readonly PlacementRequest[],
  found: Placement,
  now: Sharing,
  sharingFor: (assignments: readonly Assignment[]) => Sharing,
): Sharing | undefined {
  const placed = requests.some(({ current }) => current !== undefined);
  if (!placed || (found.refusals.length === 0 && now.after.worstRatio <= WARN_RATIO)) return undefined;
  const other = place(view, requests, { rebalance: true });
  if (other.refusals.length > found.refusals.length) return undefined;
  const sharing = sharingFor(other.assignments);
  return sharing.after.worstRatio <= now.after.worstRatio * WORTH_REBALANCING ? sharing : undefined;
}

/** One that was tuned before keeps what its profile gave it: the idle siblings of its CPUs, say. */
function hostDomain(state: DomainState, profileOf: PlanInput['profileOf']): HostDomain {
  const { domain, live, inactive } = state;
  const mark = markOf(state);
  const profile = mark && profileOf(mark.profile);
  return {
    name: domain.name,
    live: live?.facts,
    inactive: inactive?.facts,
    threads: profile && policyOf(profile).threads,
  };
}

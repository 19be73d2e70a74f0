import { CpuSet } from '../../model/cpu-set.ts';
import type { Problem } from '../errors.ts';
import {
  type CellMemory,
  type DomainState,
  type HostFacts,
  hostOfDomain,
  memoryCellsOn,
  vmCpusOf,
} from '../facts/facts.ts';
import { pageInventory } from '../hugepages/page-inventory.ts';
import { neighboursOf } from '../invariants/violations.ts';
import { defaultHostCpus } from '../placement/inventory.ts';
import type { Assignment, Placement, Refusal } from '../placement/types.ts';
import { definitionOf } from '../profile/definition.ts';
import { placementRequest } from '../profile/placement-request.ts';
import { resolve, withConsequences } from '../profile/resolve.ts';
import { resolveHost } from '../profile/resolve-host.ts';
import { settingKey } from '../settings/setting.ts';
import { planHost } from './host-plan.ts';
import { refuseMissingPages } from './missing-pages.ts';
import { grown, keepBack, type Placed, pageNeeds } from './page-needs.ts';
import { placeAll } from './place-all.ts';
import { type DomainPlan, isRefused, type Plan, planDomain } from './plan.ts';
import type { Pick, PlanInput } from './plan-input.ts';
import { probed, withPreallocation } from './preconditions.ts';
import { brokenUntilBoot, type Surroundings } from './safety.ts';
import { type Reverts, revertsOf, withoutLost } from './take-back.ts';
import { warningsOf } from './warnings.ts';

/** Plans the changes for these domains. Reads only, changes nothing. */
export async function makePlan(given: PlanInput): Promise<Plan> {
  const host = { ...given.host, hostCpus: given.hostCpus };
  const input = { ...given, host };
  const { picks } = input;
  const reverts = picks.map((pick) =>
    revertsOf(pick.profile, hostOf(pick.state, host), pick.state, input.profileOf),
  );
  const requests = picks.flatMap(
    ({ state, profile }, index) =>
      placementRequest(profile, hostOf(state, host), (reverts[index] as Reverts).base) ?? [],
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
        reverts[index] as Reverts,
        byGuest.get(pick.state.domain.name),
        surroundings(input, pick, placement.assignments),
      ),
    ),
  );
  const hostPlan = planHost(
    host,
    hostWishes,
    growing ? pageNeeds(host.cells, uncommitted(input), placed, host.local?.defaultPageKiB) : [],
    placement.assignments,
    { setsKernel: input.setsKernel },
  );
  const placedNames = new Set(requests.map(({ guest }) => guest));
  const withoutPages = refuseMissingPages(
    input,
    plans,
    ({ state }) => placedNames.has(state.domain.name),
    hostPlan.steps,
  );
  const checked = withRefusals(placement, plans, input);
  return {
    id: input.id,
    host,
    placement:
      withoutPages.length === 0
        ? checked
        : { ...checked, kind: 'refused', refusals: [...checked.refusals, ...withoutPages] },
    sharing,
    rebalanced,
    leftAlone: input.leftAlone ?? [],
    warnings: warningsOf(picks, requests),
    hostPlan,
    domains: plans,
  };
}

/** The host as seen from the control group that the domain will have at its next boot. */
const hostOf = (state: DomainState, host: HostFacts): HostFacts =>
  hostOfDomain(host, definitionOf(state).facts);

/** Free pages not needed elsewhere: without those reserved for the host, and those for the next boot of other VMs. */
function uncommitted({ host, domains, picks, reservedPages = [] }: PlanInput): CellMemory[] {
  const picked = new Set(picks.map(({ state }) => state.domain.uuid));
  const { pools, shared } = pageInventory(
    host.cells,
    domains.filter(({ domain }) => !picked.has(domain.uuid)),
    host.local?.defaultPageKiB,
    memoryCellsOn(host),
  );
  return keepBack(host.cells, [
    ...reservedPages,
    ...pools.map(({ cell, sizeKiB, needed }) => ({ cell, sizeKiB, count: needed })),
    ...shared.map(({ sizeKiB, needed }) => ({ cell: undefined, sizeKiB, count: needed })),
  ]);
}

/** Domains that a plan would make dangerous are refused like those without a place: none of the plan is applied. */
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
  // Violations of the definition give the reason; those of the running domain would repeat it.
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

/** CPUs reserved for the host: those named, or the placement's own choice. */
function hostCpusOf({
  host,
  hostCpus,
}: {
  readonly host: HostFacts;
  readonly hostCpus?: CpuSet | undefined;
}): CpuSet {
  return hostCpus ?? defaultHostCpus(host.topology, vmCpusOf(host), host.local?.isolatedCpus ?? CpuSet.empty);
}

/** Other domains as they are, and domains placed in the same plan as they will be. */
function surroundings(
  input: PlanInput,
  { state: own }: Pick,
  assignments: readonly Assignment[],
): Surroundings {
  const { domains, picks, hostCpus } = input;
  const host = hostOf(own, input.host);
  const picked = new Set(picks.map(({ state }) => state.domain.uuid));
  const placed = assignments
    .filter(({ guest, kind }) => kind === 'dedicated' && guest !== own.domain.name)
    .map(({ guest, vcpus }) => ({ name: guest, pinned: CpuSet.of(vcpus.flatMap((cpus) => [...cpus])) }));
  return {
    host,
    hostCpus: hostCpusOf({ host, hostCpus }),
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
  { base: before, wishes: takenBack, left, marked }: Reverts,
  assignment: Assignment | undefined,
  around: Surroundings,
): Promise<DomainPlan> {
  const state = await withPreallocation(read, input.probes);
  const base = before === read ? state : await withPreallocation(before, input.probes);
  const accepted = input.accepted ?? new Set<string>();
  const host = hostOf(state, input.host);
  const resolved = resolve(profile, host, base, assignment, { accepted });
  const mentioned = new Set(resolved.map(({ setting, target }) => settingKey(setting.id, target)));
  const wishes = [
    ...takenBack.filter(({ setting, target }) => !mentioned.has(settingKey(setting.id, target))),
    ...(takenBack.length === 0 ? resolved : withoutLost(resolved, base)),
  ];
  return planDomain({
    state,
    profile: { name: profile.name, version: profile.version },
    assignment,
    // Problems found by probing also fail dependent wishes: native I/O needs a cache mode that turned out impossible.
    wishes: withConsequences(await probed(wishes, base, input.probes), host, base, { accepted }),
    marked,
    left,
    around,
    judging: { accepted, online: input.host.online },
    restart: input.restart ?? false,
    hostCpus: input.hostCpus,
    id: input.id,
    at: input.at,
  });
}

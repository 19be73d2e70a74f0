import type { Connection } from '../libvirt/client/connection.ts';
import type { Domain } from '../libvirt/wire/types.ts';
import type { LocalFigures } from '../model/local.ts';
import type { DomainSummary } from '../model/summary.ts';
import { Deadline } from './deadline.ts';
import { mapAtMost, mapYielding } from './event-loop.ts';
import type { DomainSample, Outcome } from './host-sample.ts';
import type { SamplerParts } from './parts.ts';

/** Above this many domains that did not answer, list the states first: there may be no time to ask one by one. */
const STATES_ONE_BY_ONE = 12;

/** What a tick knows of the domains once they have been asked. */
export interface AskedDomains {
  readonly control: Connection;
  readonly domains: readonly Domain[];
  /** By UUID; a domain that vanished since the list has none. */
  readonly outcomes: Map<string, Outcome>;
}

/** What libvirt knows of domains without asking their QEMU, by UUID. */
export interface Known {
  readonly summaries: ReadonlyMap<string, Omit<DomainSummary, 'marks'>>;
  /** virDomainState, listed for all domains or for none. */
  readonly states: ReadonlyMap<string, number>;
}

/** Asks for what libvirt knows of the domains without their QEMU. What a closing connection cannot report is absent. */
export async function askKnown(parts: SamplerParts, asked: AskedDomains, deadline: Deadline): Promise<Known> {
  const [states, summaries] = await Promise.all([
    statesOf(parts, asked, deadline),
    summariesOf(parts, asked.domains, deadline),
  ]);
  return { states, summaries };
}

/** Lists domains by state if too many did not answer to ask for each in time. */
async function statesOf(
  { summaries }: SamplerParts,
  { control, domains, outcomes }: AskedDomains,
  deadline: Deadline,
): Promise<ReadonlyMap<string, number>> {
  const silent = domains.filter((domain) => !hasState(outcomes.get(domain.uuid)));
  return silent.length > STATES_ONE_BY_ONE ? summaries.states(control, deadline.remainingMs) : new Map();
}

async function summariesOf(
  { limits, pool, summaries, facts, vcpuPlacement, autostartOnce, asker }: SamplerParts,
  domains: readonly Domain[],
  deadline: Deadline,
): Promise<Known['summaries']> {
  const { domainDeadlineMs: timeoutMs, groups, inFlight } = limits;
  // One deadline for all: if libvirt answers none of these calls, the sample goes out without them.
  const within = new Deadline(Math.min(timeoutMs, deadline.remainingMs));
  const caller = pool.caller({ deadline: within, timeoutMs });
  const withCpuTimes = groups.has('domain');
  const read = await mapAtMost(domains, inFlight, (domain) =>
    summaries.read(
      caller,
      domain,
      facts.get(domain),
      { withCpuTimes, vcpuPlacement, autostartOnce },
      asker.cpuTimes(domain),
    ),
  );
  return new Map(read.map((summary) => [summary.uuid, summary]));
}

/** Joins what is known of each domain; those without figures get their state by a call that cannot block. */
export async function completeDomains(
  parts: SamplerParts,
  { control, domains, outcomes }: AskedDomains,
  known: Known,
  local: ReadonlyMap<string, LocalFigures>,
  deadline: Deadline,
): Promise<DomainSample[]> {
  const thisHost = { hostname: parts.identity.known?.hostname, reason: parts.identity.status.reason };
  const samples = await mapYielding(domains, async (domain): Promise<DomainSample | undefined> => {
    const outcome = outcomes.get(domain.uuid);
    const summary = known.summaries.get(domain.uuid);
    if (outcome === undefined || summary === undefined) return undefined;
    const marks = parts.marks?.of(domain);
    const extras = parts.extras.read(domain, {
      hasSnapshot: marks?.hasSnapshot === true,
      control: outcome.kind === 'unresponsive' ? parts.asker.controlOf(domain) : undefined,
    });
    const stats = outcome.kind === 'fresh' ? outcome.stats : undefined;
    const run = hasState(outcome)
      ? stats
      : await parts.summaries.state(control, domain, deadline.remainingMs);
    return {
      domain,
      summary: {
        ...summary,
        marks,
        state: run?.state ?? known.states.get(domain.uuid) ?? summary.state,
        reason: run?.reason,
        vcpus: stats?.vcpuCurrent ?? summary.vcpus,
        rssKiB: parts.residentMemory?.read(domain) ?? stats?.balloon.rssKiB,
      },
      facts: parts.facts.get(domain),
      extras,
      guest: parts.agents?.read(domain),
      local: local.get(domain.uuid),
      drift: parts.drift?.of(domain.uuid, thisHost, parts.clock.nowMs()),
      outcome,
      lastFreshAtMs: parts.asker.lastFreshAtMs(domain),
      startedAtMs: parts.processes?.startedAtMs(domain),
    };
  });
  return samples.filter((sample) => sample !== undefined);
}

function hasState(outcome: Outcome | undefined): boolean {
  return outcome?.kind === 'fresh' && outcome.stats.state !== undefined;
}

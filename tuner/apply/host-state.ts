import { TunerError } from '../errors.ts';
import type { DomainState, HostFacts } from '../facts/facts.ts';
import { readDomains } from '../facts/read-domains.ts';
import { readHost } from '../facts/read-host.ts';
import type { HostLink } from './host-link.ts';
import { basisOf, movedSince, others, type PlanBasis } from './plan-basis.ts';
import type { Transaction } from './transaction.ts';

/** Differences to show; the rest are counted. */
const SHOWN = 8;

/** Snapshot of a host and all of its domains. */
export interface HostState {
  readonly host: HostFacts;
  readonly domains: readonly DomainState[];
}

/** Reads the whole host, as a plan does. */
export async function readHostState(link: HostLink, uri: string): Promise<HostState> {
  const [host, domains] = await Promise.all([
    readHost(link.reader, uri, link.local),
    readDomains(link.reader),
  ]);
  return { host, domains };
}

export async function readBasis(link: HostLink, uri: string): Promise<PlanBasis> {
  const { host, domains } = await readHostState(link, uri);
  return basisOf(host, domains);
}

/**
 * The current state of what the transaction depends on; undefined for one that depends on nothing.
 * @throws TunerError TUNE_CHANGED when anything that the plan looked at has changed since.
 */
export async function checkHostState(
  link: HostLink,
  { uri, basis }: Transaction,
): Promise<HostState | undefined> {
  if (basis === undefined) return undefined;
  const ground = await readHostState(link, uri);
  const moved = movedSince(basis, basisOf(ground.host, ground.domains));
  if (moved.length > 0) throw hostChangedError(moved, 'nothing was changed');
  return ground;
}

/**
 * Without a lock between two runs, each checks all other domains before its first step and again after its last. The
 * one that wrote second then sees the other's marks and pins and undoes its own changes; both may.
 *
 * @throws TunerError TUNE_CHANGED when another domain has changed since the plan.
 */
export async function checkOthers(link: HostLink, { uri, basis, domains }: Transaction): Promise<void> {
  if (basis === undefined) return;
  const own = domains.map(({ domain }) => domain.uuid);
  const moved = movedSince(others(basis, own), others(await readBasis(link, uri), own));
  if (moved.length > 0)
    throw hostChangedError(moved, 'without a lock, both runs may have been assigned the same CPUs or pages');
}

export function hostChangedError(moved: readonly string[], what: string): TunerError {
  const more = moved.length > SHOWN ? [`and ${moved.length - SHOWN} more`] : [];
  return new TunerError(
    'TUNE_CHANGED',
    `since the plan was made, the host has changed (${what}; review a new plan, or apply with --force to plan again):\n${[...moved.slice(0, SHOWN), ...more].map((line) => `  ${line}`).join('\n')}`,
  );
}

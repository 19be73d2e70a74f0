import { matchesGlob } from '../../model/glob.ts';
import type { DomainState, HostFacts } from '../facts/facts.ts';
import type { Assignment } from '../placement/types.ts';
import { POLL_IN_DEFINITION } from '../settings/iothreads.ts';
import type { Wish } from '../settings/setting.ts';
import { targetsOf } from '../settings/targets.ts';
import { findProblems } from './checks/find-problems.ts';
import { definitionOf } from './definition.ts';
import { ioThreadsWanted } from './io-threads.ts';
import type { Draft, Knob, KnobContext } from './knob.ts';
import { knobs } from './knobs/all.ts';
import { policyOf } from './policy.ts';
import type { Entry, Profile } from './profile.ts';
import type { Subjects } from './rule.ts';
import { type Shape, shapeOf } from './shape.ts';

export interface ResolveOptions {
  /** Settings whose guest-visible change the user has accepted; other proposals are not applied. */
  readonly accepted?: ReadonlySet<string> | undefined;
}

/**
 * Resolves a profile for this domain on this host: one wish per setting and target, each after those that it depends
 * on. Wishes that cannot be fulfilled here carry a problem with the reason, and so do wishes that depend on them.
 */
export function resolve(
  profile: Profile,
  host: HostFacts,
  state: DomainState,
  assignment: Assignment | undefined,
  options: ResolveOptions = {},
): Wish[] {
  const { root, facts } = definitionOf(state);
  const policy = policyOf(profile);
  const shape = shapeOf(policy, host, root, facts);
  const subjects = subjectsOf(state, shape);
  const ioThreads = ioThreadsWanted(policy, host, root, facts, subjects);
  const context = {
    host,
    state,
    root,
    facts,
    policy,
    shape,
    assignment,
    // Rules that count iothreads refer to the final number.
    subjects: { ...subjects, iothreads: ioThreads.length },
    ioThreads,
  };
  const wishes = knobs.flatMap((knob) => wishesOf(knob, profile.knobs.get(knob.id) ?? [], context));
  const kept = lastOfEach(wishes).flatMap((wish) => forgotten(wish, host));
  return withConsequences(kept, host, state, options);
}

/** Adds to wishes what prevents them, and what that in turn prevents. */
export function withConsequences(
  wishes: readonly Wish[],
  host: HostFacts,
  state: DomainState,
  { accepted = new Set() }: ResolveOptions = {},
): Wish[] {
  const { root, facts } = definitionOf(state);
  return findProblems(wishes, { host, state, root, facts, accepted });
}

/** An old libvirt accepts polling times for running domains only; its definitions have nothing to remove. */
function forgotten(wish: Wish, host: HostFacts): Wish[] {
  const kept = !wish.setting.id.startsWith('iothread.poll.') || host.libvirtVersion >= POLL_IN_DEFINITION;
  if (kept) return [wish];
  return wish.value === undefined ? [] : [{ ...wish, liveOnly: true }];
}

function subjectsOf(state: DomainState, shape: Shape): Subjects {
  const { facts } = definitionOf(state);
  return {
    vCPUs: facts.cpu.vcpusCurrent ?? shape.vcpus,
    disks: diskTargets(state).length,
    NICs: facts.interfaces.length,
    iothreads: 0,
    memory: facts.memory.maximumKiB ?? 0,
  };
}

function wishesOf(knob: Knob, entries: readonly Entry[], context: Omit<KnobContext, 'targets'>): Wish[] {
  const taken = new Set<string>();
  return entries.flatMap((entry) => {
    const targets = targetsFor(knob, entry, context.state).filter((target) => !taken.has(target));
    for (const target of targets) taken.add(target);
    if (targets.length === 0) return [];
    return knob
      .drafts({ ...context, targets }, entry.value)
      .map((draft: Draft): Wish => ({ ...draft, knob: knob.id, why: entry.why, source: entry.source }));
  });
}

function targetsFor({ on }: Knob, entry: Entry, state: DomainState): string[] {
  if (on === 'domain') return [''];
  const all = allTargets(on, state);
  return all.filter((target) => entry.on?.some((glob) => matchesGlob(glob, target)) ?? true);
}

function allTargets(on: Exclude<Knob['on'], 'domain'>, state: DomainState): string[] {
  switch (on) {
    case 'disk':
      return diskTargets(state);
    case 'controller':
      return targetsOf(definitionOf(state).root, 'controller');
    case 'nic':
      return nicTargets(state);
  }
}

/** Excludes drives with removable media, which are not tuned. */
function diskTargets(state: DomainState): string[] {
  const { facts } = definitionOf(state);
  return facts.disks
    .filter(({ device }) => device === 'disk' || device === 'lun')
    .map(({ target }) => target);
}

function nicTargets(state: DomainState): string[] {
  const { facts } = definitionOf(state);
  return facts.interfaces.flatMap(({ mac }) => mac ?? []);
}

/** If several knobs produce the same setting, the last one wins. */
function lastOfEach(wishes: readonly Wish[]): Wish[] {
  const last = new Map(wishes.map((wish) => [`${wish.setting.id} ${wish.target}`, wish]));
  return wishes.filter((wish) => last.get(`${wish.setting.id} ${wish.target}`) === wish);
}

import { parseDomainTree } from '../../model/domain/domain-tree.ts';
import type { MarkedSetting } from '../../model/domain/tuned-mark.ts';
import { editedView } from '../facts/domain-view.ts';
import type { DomainState, DomainView, HostFacts } from '../facts/facts.ts';
import { definitionOf } from '../profile/definition.ts';
import type { Profile } from '../profile/profile.ts';
import { resolve } from '../profile/resolve.ts';
import { findSetting } from '../settings/all.ts';
import { settingKey, type Wish } from '../settings/setting.ts';
import { targetsOf } from '../settings/targets.ts';

/** What a new profile reverts of an earlier one, and what it leaves. */
export interface Reverts {
  /** The domain with settings that the new profile does not mention reverted: the plan starts from this. */
  readonly base: DomainState;
  readonly wishes: readonly Wish[];
  /** Settings that something else has changed since virtune set them, which stay unchanged; text for users. */
  readonly left: readonly string[];
  /** Settings that virtune made so far, according to the mark or the earlier profile. */
  readonly marked: readonly MarkedSetting[];
}

/**
 * Reverts what the mark's profile set and this one does not mention. Otherwise a domain would keep a real-time class,
 * or the hint of dedicated CPUs, without the pins that make it harmless.
 */
export function revertsOf(
  profile: Profile,
  host: HostFacts,
  state: DomainState,
  profileOf: (name: string) => Profile | undefined,
): Reverts {
  const mark = definitionOf(state).facts.tuned;
  const marked = mark === undefined ? [] : (mark.settings ?? guessed(profileOf(mark.profile), host, state));
  let base = state;
  let gone: readonly MarkedSetting[] = [];
  // What a profile mentions depends on the domain (its iothreads and cells), and so on what is reverted: iterate.
  for (let more = true; more; ) {
    const mentioned = new Set(
      resolve(profile, host, base, undefined).map(({ setting, target }) => settingKey(setting.id, target)),
    );
    const found = marked.filter(
      (each) => gone.includes(each) || !mentioned.has(settingKey(each.setting, each.target)),
    );
    more = found.length > gone.length;
    gone = found;
    if (more)
      base = withValues(
        state,
        gone.filter((each) => isAsLeft(state, each)),
      );
  }
  const old = mark?.profile ?? '';
  const how = mark?.settings === undefined ? 'the default of libvirt' : 'its previous value';
  return {
    base,
    marked,
    wishes: gone
      .filter((each) => isAsLeft(state, each))
      .flatMap((each): Wish[] => {
        const setting = findSetting(each.setting);
        if (setting === undefined) return [];
        return [
          {
            setting,
            target: each.target,
            value: each.was ?? undefined,
            knob: 'reverted',
            why: `profile ${old} set it, and ${profile.name === old ? 'no longer does' : `${profile.name} does not`}: it returns to ${how}`,
            source: 'mark of the domain',
            takenBack: true,
          },
        ];
      })
      // In reverse order: dependent settings first.
      .toReversed(),
    left: gone
      .filter((each) => !isAsLeft(state, each) && currentValue(state, each) !== each.was)
      .map(
        ({ setting, target, to }) =>
          `${setting}${target === '' ? '' : ` of ${target}`}: profile ${old} set ${to ?? 'no value'}, and something else has changed it since; it stays unchanged`,
      ),
  };
}

/**
 * Keeps a value that the domain already has although the wish for it fails, unless it depends on something that is
 * reverted: NUMA memory mode goes with its host cells, and libvirt rejects one without the other.
 * @param base the domain after reverting, which the wishes are for
 */
export function withoutLost(wishes: readonly Wish[], base: DomainState): readonly Wish[] {
  const { root } = definitionOf(base);
  return wishes.map((wish) => {
    const { setting, target, value, problem } = wish;
    if (problem === undefined || value === undefined) return wish;
    const stays = targetsOf(root, setting.on).includes(target) && setting.read(root, target) === value;
    return stays ? wish : { ...wish, value: undefined };
  });
}

/** Null if not set, or if its target does not exist (any more). */
function currentValue(state: DomainState, { setting: id, target }: MarkedSetting): string | null {
  const { root } = definitionOf(state);
  const setting = findSetting(id);
  if (setting === undefined || !targetsOf(root, setting.on).includes(target)) return null;
  return setting.read(root, target) ?? null;
}

const isAsLeft = (state: DomainState, marked: MarkedSetting): boolean =>
  marked.to !== marked.was && currentValue(state, marked) === marked.to && exists(state, marked);

function exists(state: DomainState, { setting: id, target }: MarkedSetting): boolean {
  const setting = findSetting(id);
  return setting !== undefined && targetsOf(definitionOf(state).root, setting.on).includes(target);
}

/** For marks without settings: what the profile wants today and the domain has; previous values count as not set. */
function guessed(profile: Profile | undefined, host: HostFacts, state: DomainState): MarkedSetting[] {
  if (profile === undefined) return [];
  return resolve(profile, host, state, undefined).flatMap(({ setting, target, value, problem }) => {
    const now = setting.read(definitionOf(state).root, target) ?? null;
    // Only the domain shows where it was placed.
    const to = problem?.code === 'NOT_PLACED' ? now : (value ?? null);
    return to === null ? [] : [{ setting: setting.id, target, to, was: null }];
  });
}

function withValues(state: DomainState, marked: readonly MarkedSetting[]): DomainState {
  if (marked.length === 0) return state;
  const view = viewWith(definitionOf(state), marked);
  return state.inactive === undefined ? { ...state, live: view } : { ...state, inactive: view };
}

function viewWith(view: DomainView, marked: readonly MarkedSetting[]): DomainView {
  const root = parseDomainTree('the definition', view.xml);
  for (const { setting, target, was } of marked.toReversed())
    findSetting(setting)?.write(root, target, was ?? undefined);
  return editedView(root);
}

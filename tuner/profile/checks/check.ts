import type { DomainFacts } from '../../../model/domain/domain.ts';
import type { Element } from '../../../model/xml.ts';
import type { Problem } from '../../errors.ts';
import type { DomainState, HostFacts } from '../../facts/facts.ts';
import { findSetting } from '../../settings/all.ts';
import { settingKey, type Wish } from '../../settings/setting.ts';

export interface CheckContext {
  readonly host: HostFacts;
  readonly state: DomainState;
  /** The definition. */
  readonly root: Element;
  readonly facts: DomainFacts;
  /** Settings whose proposals count as taken. */
  readonly accepted: ReadonlySet<string>;
}

/** A domain as it will be once every wish without a problem is fulfilled. */
export interface CheckView extends CheckContext {
  readonly will: (setting: string, target?: string) => string | undefined;
  /** Whether a wish causes that value. */
  readonly wished: (setting: string, target?: string) => boolean;
}

/** One reason that can prevent a wish. */
export interface Check {
  /** Settings whose wishes it applies to. */
  readonly of: RegExp;
  /** The wish's value is undefined if the setting should be removed. */
  readonly find: (wish: Wish, view: CheckView) => Problem | undefined;
}

/** A check for wishes with a value; removing a setting cannot fail in that way. */
export function check(
  of: RegExp,
  find: (value: string, wish: Wish, view: CheckView) => Problem | undefined,
): Check {
  return { of, find: (wish, view) => (wish.value === undefined ? undefined : find(wish.value, wish, view)) };
}

export function viewOf(wishes: readonly Wish[], context: CheckContext): CheckView {
  const counted = new Map(
    wishes
      .filter(({ problem, proposal, setting }) => {
        return problem === undefined && (proposal === undefined || context.accepted.has(setting.id));
      })
      .map((wish) => [settingKey(wish.setting.id, wish.target), wish]),
  );
  return {
    ...context,
    wished: (setting, target = '') => counted.has(settingKey(setting, target)),
    will: (setting, target = '') => {
      const wish = counted.get(settingKey(setting, target));
      return wish === undefined ? findSetting(setting)?.read(context.root, target) : wish.value;
    },
  };
}

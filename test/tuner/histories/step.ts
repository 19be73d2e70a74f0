import fc from 'fast-check';
import type { Wanted } from './user.ts';

/** Users by number: each has a separate state folder, as on two machines. */
const USERS = [0, 1] as const;

/** When a run is killed, as the number of a point, and how. */
export interface Kill {
  readonly at: number;
  /** `here`: suspended in this process; `child`: SIGKILL; `elsewhere`: on a machine that cannot be checked here. */
  readonly how: 'here' | 'child' | 'elsewhere';
  /** Counts a child's points from the first line of the journal on: before it nothing is changed. */
  readonly onceBegun?: boolean | undefined;
}

/** One event on a host. `which`: index among the transactions in effect, counted from the newest. */
export type HistoryStep =
  | { readonly kind: 'plan'; readonly user: number; readonly wanted: Wanted }
  | {
      readonly kind: 'apply';
      readonly user: number;
      readonly wanted: Wanted;
      readonly kill?: Kill | undefined;
    }
  /** One user plans, the other applies, and only then the first one confirms. */
  | {
      readonly kind: 'late yes';
      readonly user: number;
      readonly wanted: Wanted;
      readonly during: Wanted;
      /** --force: plans again if the first plan is refused as outdated. */
      readonly force?: boolean | undefined;
    }
  | { readonly kind: 'both at once'; readonly wanted: readonly [Wanted, Wanted] }
  | {
      readonly kind: 'rollback';
      readonly which: number;
      readonly restarts: boolean;
      readonly kill?: Kill | undefined;
    }
  | {
      readonly kind: 'recover';
      readonly user: number;
      readonly how: 'undo' | 'finish';
      readonly kill?: Kill | undefined;
    };

export interface HistoryShape {
  readonly names: readonly string[];
  readonly profiles: readonly string[];
  /** How runs are killed. */
  readonly kills: readonly Kill['how'][];
  /** Approximate number of points in a run. */
  readonly points: number;
  readonly minLength?: number | undefined;
  readonly length: number;
  /** For hosts where a run takes seconds: one in four is killed, in mid-change; few steps do nothing. */
  readonly isSlow?: boolean | undefined;
  /** Most VMs in a plan; absent: all. */
  readonly picks?: number | undefined;
  /** Further options of a plan; absent: none. */
  readonly flags?: fc.Arbitrary<Partial<Wanted>> | undefined;
  /** Whether a plan that is refused as outdated is made again. */
  readonly force?: fc.Arbitrary<boolean> | undefined;
}

export function histories(shape: HistoryShape): fc.Arbitrary<HistoryStep[]> {
  const { names, profiles, kills, points, length, minLength = 1 } = shape;
  const user = fc.constantFrom(...USERS);
  const plain: fc.Arbitrary<Wanted> = fc.record({
    picks: fc
      .uniqueArray(fc.constantFrom(...names), { minLength: 1, maxLength: shape.picks ?? names.length })
      .chain((chosen) => fc.tuple(...chosen.map((name) => pick(name, profiles)))),
    restart: fc.boolean(),
    together: fc.boolean(),
  });
  const { flags } = shape;
  const wanted =
    flags === undefined ? plain : fc.tuple(plain, flags).map(([some, more]) => ({ ...some, ...more }));
  const killed = fc.record({ at: fc.nat(points), how: fc.constantFrom(...kills) });
  const { isSlow = false } = shape;
  const kill: fc.Arbitrary<Kill | undefined> = isSlow
    ? fc.oneof(
        { weight: 3, arbitrary: fc.constant(undefined) },
        { weight: 1, arbitrary: killed.map((each) => ({ ...each, onceBegun: true })) },
      )
    : fc.option(killed, { nil: undefined, freq: 2 });
  const step = fc.oneof(
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('plan' as const), user, wanted }) },
    {
      weight: isSlow ? 12 : 8,
      arbitrary: fc.record({ kind: fc.constant('apply' as const), user, wanted, kill }),
    },
    {
      weight: 2,
      arbitrary: fc.record({
        kind: fc.constant('late yes' as const),
        user,
        wanted,
        during: wanted,
        ...(shape.force !== undefined && { force: shape.force }),
      }),
    },
    {
      weight: 1,
      arbitrary: fc.record({ kind: fc.constant('both at once' as const), wanted: fc.tuple(wanted, wanted) }),
    },
    {
      weight: 4,
      arbitrary: fc.record({
        kind: fc.constant('rollback' as const),
        which: fc.nat(3),
        restarts: fc.boolean(),
        kill,
      }),
    },
    {
      weight: 4,
      arbitrary: fc.record({
        kind: fc.constant('recover' as const),
        user,
        how: fc.constantFrom('undo' as const, 'finish' as const),
        kill,
      }),
    },
  );
  return fc.array(step, { minLength, maxLength: length, ...(minLength > 1 && { size: 'max' as const }) });
}

const pick = (name: string, profiles: readonly string[]) =>
  fc.record({ name: fc.constant(name), profile: fc.constantFrom(...profiles) });

import type { z } from 'zod';
import { TunerError } from '../errors.ts';
import type { Step, StepKind, StepOf } from './step.ts';
import type { StepHost } from './step-host.ts';

/** What a live setting belongs to, and so when its value is lost. */
export type Home = 'run' | 'definition' | 'host';

/**
 * Part of a host or a domain with a state that can be read, set and compared. A step needs no more than that to be
 * applied, read back and undone, now or later from the journal.
 *
 * `State` is plain data that fits into JSON, since the journal stores it. `set` is idempotent: an undo may be repeated.
 */
interface LiveSettingParts<K extends StepKind, State> {
  readonly home: Home;
  /** One call sets the whole value, exactly: if its end was not seen, the value is the previous or the wanted one. */
  readonly atomic?: true;
  /** Its effective value. */
  get(host: StepHost, step: StepOf<K>): Promise<State>;
  set(host: StepHost, step: StepOf<K>, to: State): Promise<void>;
  /** How the value differs from the wanted one, as text; undefined if it does not. */
  differs(is: State, wanted: State): string | undefined;
  /** The wanted state, given the previous one. Absent: the step's `to`. */
  target?(step: StepOf<K>, was: State): State;
  /**
   * The state that undoes it, from the previous and the present state and whether it was seen done. Absent: the
   * previous.
   */
  back?(was: State, now: State, done: boolean): State;
  /**
   * Checks the host itself, if virtune runs there. Returns what it saw, for users; empty if there is nothing to see.
   * @throws TunerError TUNE_READ_BACK if the host contradicts.
   */
  verify?(host: StepHost, step: StepOf<K>, wanted: State): Promise<readonly string[]>;
}

/** A live setting that validates its step and states, since they may come from a journal. */
export interface LiveSetting {
  readonly home: Home;
  readonly atomic: boolean;
  get(host: StepHost, step: Step): Promise<unknown>;
  set(host: StepHost, step: Step, to: unknown): Promise<void>;
  differs(is: unknown, wanted: unknown): string | undefined;
  target(step: Step, was: unknown): unknown;
  back(was: unknown, now: unknown, done: boolean): unknown;
  verify(host: StepHost, step: Step, wanted: unknown): Promise<readonly string[]>;
}

export function liveSetting<K extends StepKind, State>(
  kind: K,
  state: z.ZodType<State>,
  parts: LiveSettingParts<K, NoInfer<State>>,
): LiveSetting {
  const own = (step: Step): StepOf<K> => {
    if (isOf(kind, step)) return step;
    throw new TypeError(`a step of kind ${step.kind} does not belong to the live setting of ${kind}`);
  };
  const checked = (value: unknown): State => {
    const { success, data, error } = state.safeParse(value);
    if (success) return data;
    throw new TunerError(
      'TUNE_JOURNAL',
      `${JSON.stringify(value)} is not a state of ${kind}: ${error.issues[0]?.message}; check its journal for damage`,
    );
  };
  return {
    home: parts.home,
    atomic: parts.atomic === true,
    get: async (host, step) => parts.get(host, own(step)),
    set: async (host, step, to) => parts.set(host, own(step), checked(to)),
    differs: (is, wanted) => parts.differs(checked(is), checked(wanted)),
    target: (step, was) => parts.target?.(own(step), checked(was)) ?? checked(own(step).to),
    back: (was, now, done) => parts.back?.(checked(was), checked(now), done) ?? was,
    verify: async (host, step, wanted) => (await parts.verify?.(host, own(step), checked(wanted))) ?? [],
  };
}

function isOf<K extends StepKind>(kind: K, step: Step): step is StepOf<K> {
  return step.kind === kind;
}

/** For states with a single value. */
export function plainly(is: string | number, wanted: string | number): string | undefined {
  return is === wanted ? undefined : `it is ${is}, not ${wanted}`;
}

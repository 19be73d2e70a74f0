import type { z } from 'zod';
import { TunerError } from '../errors.ts';
import type { Step, StepKind, StepOf } from './step.ts';
import type { StepHost } from './step-host.ts';

/** What a live setting's content is part of, and so what it ends with. */
export type Home = 'run' | 'definition' | 'host';

/**
 * Something of a host or a domain that holds a state which can be read, set and compared. That is all a step
 * needs in order to be made, read back and undone, now or by a reader of the journal later.
 *
 * `State` is plain data: what JSON can hold, since a journal does. Setting what is set already does no harm: an undo may come twice.
 */
interface LiveSettingParts<K extends StepKind, State> {
  readonly home: Home;
  /** What it holds in effect. */
  get(host: StepHost, step: StepOf<K>): Promise<State>;
  set(host: StepHost, step: StepOf<K>, to: State): Promise<void>;
  /** How what it holds is not what was wanted, in words; undefined where it is. */
  differs(is: State, wanted: State): string | undefined;
  /** What the step wants, given what was before. Absent: the step's `to`. */
  target?(step: StepOf<K>, was: State): State;
  /** What undoes it, given what was before, what is now, and whether it was seen to be done. Absent: what was. */
  back?(was: State, now: State, done: boolean): State;
  /**
   * Looks at the host itself, where virtune runs there. Returns what it saw, for people; nothing where there is
   * nothing to see.
   * @throws TunerError TUNE_READ_BACK when the host says otherwise.
   */
  verify?(host: StepHost, step: StepOf<K>, wanted: State): Promise<readonly string[]>;
}

/** A live setting whose step and states are checked as they come, since a journal may bring them. */
export interface LiveSetting {
  readonly home: Home;
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

/** For states whose value says it all. */
export function plainly(is: string | number, wanted: string | number): string | undefined {
  return is === wanted ? undefined : `it is ${is}, not ${wanted}`;
}

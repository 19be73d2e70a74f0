import type { FigureKind, Observation } from './block-means.ts';
import type { GuardSize } from './guard.ts';
import type { Direction } from './verdict.ts';

/** What an experiment measures. */
export interface Figure {
  /** Unique within an experiment; names the VM unless it is the one that is tuned. */
  readonly name: string;
  readonly kind: FigureKind;
  readonly direction: Direction;
  /** How much worse a value must be to end the experiment; absent: it does not guard. */
  readonly guard?: GuardFigure | undefined;
}

export interface GuardFigure extends GuardSize {
  /** Why only a limit can end the experiment; absent: a rule from the baseline can too. */
  readonly limitOnly?: string | undefined;
  /** Ends the experiment when passed twice in a row, if it was never passed without the setting. */
  readonly limit?: number | undefined;
}

/** One figure as it was sampled. `run` undefined: the VM does not run. */
export type Reading = Omit<Observation, 'atMs'>;

/** By name of the figure; what could not be sampled is absent. */
export type Sample = ReadonlyMap<string, Reading>;

import type { FigureKind, Observation } from './block-means.ts';
import type { GuardSize } from './guard.ts';
import type { Direction } from './verdict.ts';

/** What an experiment measures. */
export interface Figure {
  /** Unique within an experiment; names the VM where it is not the one that is tuned. */
  readonly name: string;
  readonly kind: FigureKind;
  readonly direction: Direction;
  /** From which size on a worse value ends the experiment; absent: it does not guard. */
  readonly guard?: GuardFigure | undefined;
}

export interface GuardFigure extends GuardSize {
  /** Why nothing but a limit can end it; absent: a rule from the baseline can too. */
  readonly limitOnly?: string | undefined;
  /** A value that ends the experiment at once, if it was never passed without the setting. */
  readonly limit?: number | undefined;
}

/** One figure as it was sampled. `run` undefined: the VM does not run. */
export type Reading = Omit<Observation, 'atMs'>;

/** By name of the figure; what could not be sampled is absent. */
export type Sample = ReadonlyMap<string, Reading>;

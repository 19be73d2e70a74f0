import { singleValues } from './baseline.ts';
import type { Observation } from './block-means.ts';
import type { Figure, GuardFigure } from './figure.ts';
import {
  type GuardRule,
  guardRule,
  isBeyondLimit,
  isClearlyWorse,
  type OnWindow,
  windowMeans,
} from './guard.ts';
import type { Arm, Design } from './schedule.ts';

/** Bounds the chance, of all figures together, that the guard ends an experiment whose setting does nothing. */
const FALSE_ALARMS = 0.01;

/** What the guard watches, for a journal. */
export interface GuardReport {
  readonly figures: readonly GuardedFigure[];
}

export interface GuardedFigure {
  readonly name: string;
  /** Absent if `missing` says why the figure has none. */
  readonly rule?: GuardRule | undefined;
  readonly missing?: string | undefined;
  /** Set by the operator, in the figure's unit. */
  readonly limit?: number | undefined;
}

interface Watched {
  readonly figure: Figure;
  readonly guard: GuardFigure;
  readonly rule: GuardRule | { readonly missing: string };
  /** Single values without the setting, and with it. */
  readonly off: number[];
  readonly on: number[];
  readonly offWindows: number[];
  readonly onWindows: OnWindow[];
}

type Series = (name: string) => readonly Observation[];

/**
 * Watches figures of all VMs while a setting is switched on and off. Each figure has a rule made from its own baseline,
 * so a figure without a rule does not leave the others unwatched.
 */
export class GuardWatch {
  readonly #series: Series;
  readonly #everyMs: number;
  readonly #watched: readonly Watched[];
  #stretch = 0;
  #last: Arm = 'off';

  /** @param baselineMs all samples until then are without the setting. */
  constructor(
    figures: readonly Figure[],
    series: Series,
    everyMs: number,
    baselineMs: number,
    { pairs, blockMs, settleMs }: Design,
  ) {
    this.#series = series;
    this.#everyMs = everyMs;
    const guarded = figures.flatMap((figure) =>
      figure.guard === undefined ? [] : [{ figure, guard: figure.guard }],
    );
    this.#watched = guarded.map(({ figure, guard }): Watched => {
      const off = this.#values(figure, { fromMs: -1, toMs: baselineMs });
      const { limitOnly } = guard;
      const rule =
        limitOnly === undefined
          ? guardRule({
              baseline: off,
              everyMs,
              blocksOn: pairs,
              blockMs: settleMs + blockMs,
              falseAlarms: FALSE_ALARMS / guarded.length,
            })
          : { missing: limitOnly };
      return { figure, guard, rule, off, on: [], offWindows: this.#windows(rule, off), onWindows: [] };
    });
  }

  get report(): GuardReport {
    return {
      figures: this.#watched.map(({ figure: { name }, guard: { limit }, rule }) => ({
        name,
        ...('missing' in rule ? rule : { rule }),
        limit,
      })),
    };
  }

  /** Adds a stretch that has ended; after a change to `off`, it does not include the settle time. */
  ended(stretch: Stretch): void {
    const { arm } = stretch;
    this.#stretch = this.#stretchOf(arm);
    this.#last = arm;
    for (const { figure, rule, off, on, offWindows, onWindows } of this.#watched) {
      const values = this.#values(figure, stretch);
      (arm === 'on' ? on : off).push(...values);
      const windows = this.#windows(rule, values);
      if (arm === 'off') offWindows.push(...windows);
      else onWindows.push(...windows.map((mean) => ({ mean, stretch: this.#stretch })));
    }
  }

  /** Which figure is clearly worse with the setting or beyond its limit, in words; undefined while none is. */
  findWorse(fromMs: number, toMs: number): string | undefined {
    const stretch = this.#stretchOf('on');
    for (const { figure, guard, rule, off, on, offWindows, onWindows } of this.#watched) {
      const { name, direction } = figure;
      const values = this.#values(figure, { fromMs, toMs });
      const { limit } = guard;
      if (limit !== undefined && isBeyondLimit(limit, direction, off, [...on.slice(-2), ...values])) {
        return `${name} is beyond its limit of ${limit}`;
      }
      if ('missing' in rule) continue;
      const now = this.#windows(rule, values).map((mean) => ({ mean, stretch }));
      if (now.length > 0 && isClearlyWorse(rule, direction, guard, offWindows, [...onWindows, ...now])) {
        return `${name} is clearly worse`;
      }
    }
    return undefined;
  }

  #stretchOf(arm: Arm): number {
    return this.#stretch + (arm === 'on' && this.#last === 'off' ? 1 : 0);
  }

  #values({ name, kind }: Figure, { fromMs, toMs }: Omit<Stretch, 'arm'>): number[] {
    const all = this.#series(name);
    const first = all.findLastIndex(({ atMs }) => atMs <= fromMs) + 1;
    return singleValues(
      kind,
      all.slice(first).filter(({ atMs }) => atMs <= toMs),
    );
  }

  #windows(rule: Watched['rule'], values: readonly number[]): number[] {
    return 'missing' in rule ? [] : windowMeans(values, Math.round(rule.windowMs / this.#everyMs));
  }
}

/** A stretch of time in one state. */
export interface Stretch {
  readonly arm: Arm;
  readonly fromMs: number;
  readonly toMs: number;
}

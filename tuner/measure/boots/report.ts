import { type BlockMean, blockMean } from '../block-means.ts';
import type { Figure } from '../figure.ts';
import { holm } from '../holm.ts';
import type { MeasuredOf, ReportOf } from '../report.ts';
import type { Criterion, Judgement } from '../verdict.ts';
import { type BootEffect, bootEffect, type LostBoot } from './effect.ts';
import type { BootDesign } from './schedule.ts';
import { judgeBoots } from './verdict.ts';

export interface BootFigureReport {
  readonly name: string;
  readonly direction: Figure['direction'];
  /** By boot; null if it has none. */
  readonly blocks: readonly (number | null)[];
  /** Absent if one of the arms has no boot. */
  readonly effect?: BootEffect | undefined;
  /** Of secondary figures adjusted for their number (Holm); of the primary one unadjusted. */
  readonly p: number;
  readonly judgement: Judgement;
  readonly lost: readonly LostBoot[];
}

/**
 * The result of restarts with and without the settings. Plain data for a journal. Its blocks are boots, each a pair by
 * itself; with one restart the first is the run before it.
 */
export interface BootReport extends ReportOf<BootDesign, BootFigureReport> {
  readonly kind: 'restarts';
}

export type BootsMeasured = MeasuredOf<BootReport>;

export interface BootQuestion {
  /** Named before the start: it decides. */
  readonly primary: Figure;
  readonly secondary: readonly Figure[];
  /** The same figure of the other VMs; empty for one that they do not have. */
  readonly controlsOf: (figure: Figure) => readonly Figure[];
  readonly guards: readonly Figure[];
  readonly criterion: Omit<Criterion, 'direction'>;
}

/** Analyses boots, all or as many as were completed. */
export function reportOnBoots(
  { primary, secondary, controlsOf, guards, criterion }: BootQuestion,
  measured: BootsMeasured,
): BootReport {
  const { everyMs, series, ...run } = measured;
  const { blocks } = run;
  const meansOf = ({ name, kind }: Figure): BlockMean[] =>
    blocks.map(({ measureMs, endMs }) =>
      blockMean(kind, series(name), { fromMs: measureMs, toMs: endMs }, everyMs),
    );
  const found = (figure: Figure) => {
    const means = meansOf(figure);
    const boots = means.map((mean, at) => ({ arm: blocks[at]?.arm ?? 'off', mean }));
    const controls = controlsOf(figure).map((control) => ({ name: control.name, means: meansOf(control) }));
    return { figure, means, ...bootEffect(boots, controls) };
  };
  const describe = (
    { figure, means, effect, lost }: ReturnType<typeof found>,
    p = effect?.p ?? 1,
  ): BootFigureReport => ({
    name: figure.name,
    direction: figure.direction,
    blocks: means.map(valueOrNull),
    effect,
    p,
    judgement: judgeBoots(effect, { ...criterion, direction: figure.direction }, p),
    lost,
  });
  const others = secondary.map(found);
  const adjusted = holm(others.map(({ effect }) => effect?.p ?? 1));
  return {
    format: 1,
    kind: 'restarts',
    ...run,
    margin: criterion.margin,
    primary: describe(found(primary)),
    secondary: others.map((other, at) => describe(other, adjusted[at])),
    others: guards.map((figure) => ({ name: figure.name, blocks: meansOf(figure).map(valueOrNull) })),
  };
}

const valueOrNull = (mean: BlockMean): number | null => ('missing' in mean ? null : mean.value);

import { formatSeconds } from '../../../model/duration.ts';
import { intervalText, percentOf } from '../describe.ts';
import { describeUnwatched } from '../describe-guard.ts';
import { ALPHA } from '../verdict.ts';
import type { BootEffect } from './effect.ts';
import type { BootFigureReport, BootReport } from './report.ts';
import { type BootDesign, type BootSchedule, bootsWith, FEWEST_RESTARTS, smallestP } from './schedule.ts';

const percent = (share: number): string => `${Number((share * 100).toFixed(1))} %`;

/** `better: latency -12.3 % (95 % interval -15.0 % to -9.1 %)`; or why it cannot be decided. */
export function describeBootFigure({ name, effect, judgement }: BootFigureReport): string {
  const { verdict, reason, within, restartsNeeded } = judgement;
  if (effect === undefined || reason !== undefined) return `${verdict}: ${name}: ${reason}`;
  const found = `${name} ${percentOf(effect.effect)} (${intervalText(effect)})`;
  if (verdict === 'no difference') {
    return `no difference larger than ${percentOf(within).replace('+', '')}: ${found}`;
  }
  if (verdict !== 'inconclusive' || restartsNeeded === undefined) return `${verdict}: ${found}`;
  return `${verdict}: ${found}; about ${restartsNeeded} restarts would decide it`;
}

/** How much evidence this number of restarts is. */
export function describeBootDesign({ restarts }: Pick<BootDesign, 'restarts'>): string {
  if (restarts === 1) {
    return 'before and after one restart: not an experiment, since the result includes anything else that changed in that time; no verdict is possible';
  }
  const on = bootsWith(restarts);
  const drawn = `${restarts} restarts, ${on} with the settings, drawn at random; the smallest possible p-value is ${percent(smallestP(restarts - on, on))}`;
  return restarts < FEWEST_RESTARTS ? `${drawn}, so it cannot be decided` : drawn;
}

/** What the restarts amount to, before the first one; which boots have the settings is drawn at the start. */
export function describeBootSchedule(
  { restarts, blockMs, settleMs, totalMs }: BootSchedule,
  baselineMs: number,
): string[] {
  const [settle, block, total] = [settleMs, blockMs, baselineMs + totalMs].map((ms) =>
    formatSeconds(ms / 1_000),
  );
  return [
    describeBootDesign({ restarts }),
    `After each restart, ${settle} are excluded and ${block} measured: ${total} in total, plus the time of the restarts. Applying the result may take one more restart.`,
    'The variation between boots, and so the smallest detectable change, is known only after several boots.',
  ];
}

/** A report in lines, the deciding figure first. */
export function describeBootReport(report: BootReport): string[] {
  const { design, ended, guard, primary, secondary } = report;
  const figures = secondary.filter(({ effect }) => effect !== undefined);
  return [
    ...(ended === undefined ? [] : [`ended early: ${ended}`]),
    describeBootFigure(primary),
    describeBootDesign(design),
    ...(primary.effect === undefined ? [] : [correction(primary.effect)]),
    ...(primary.lost.length === 0
      ? []
      : [
          `${primary.lost.length} boots are lost: ${primary.lost.map(({ boot, reason }) => `${boot + 1}, ${reason}`).join('; ')}`,
        ]),
    ...figures.map((figure) => describeSecondary(figure, secondary.length)),
    ...(guard === undefined ? [] : describeUnwatched(guard)),
  ];
}

/** If there are too few boots to decide, the reason is left out: the deciding figure has the same. */
function describeSecondary(figure: BootFigureReport, among: number): string {
  const { name, effect, p } = figure;
  if (effect?.scale === 'ratio' && effect.smallestP > ALPHA) {
    return `also ${name}: ${percentOf(effect.effect)} was seen`;
  }
  return `also ${describeBootFigure(figure)}, p ${p.toPrecision(2)} among ${among}`;
}

function correction({ comparedWith, plain, moved, scale }: BootEffect): string {
  if (comparedWith.length === 0) {
    return 'not corrected by other VMs: none has this figure in all boots, so a change of the whole host is part of the result';
  }
  const others = `${comparedWith.length} other ${comparedWith.length === 1 ? 'VM' : 'VMs'}`;
  const without =
    scale === 'ratio' ? `${percentOf(plain.effect)} without that` : `${plain.effect} without that`;
  const corrected = `corrected by the change of ${others} in the same time (difference in differences): ${without}`;
  if (!moved) return corrected;
  return `${corrected}; ${comparedWith.length === 1 ? 'it differs' : 'they differ'} with the settings, so the interval covers both`;
}

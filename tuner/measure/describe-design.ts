import { formatSeconds } from '../../model/duration.ts';
import { describeBootDesign } from './boots/describe.ts';
import { type AnySettings, decidingFigure } from './vm-experiment.ts';

/** The experiment in one line, before anything is changed. */
export function describeDesign(settings: AnySettings): string {
  const { schedule, baselineMs, margin, keepIf } = settings;
  const { blockMs, settleMs, totalMs } = schedule;
  const [baseline, block, settle, total] = [baselineMs, blockMs, settleMs, baselineMs + totalMs].map((ms) =>
    formatSeconds(ms / 1_000),
  );
  const matters = Number(((margin - 1) * 100).toFixed(1));
  const start = `Measured by ${decidingFigure(settings)}: ${baseline} of baseline, then`;
  const end = `Kept if ${keepIf}; changes below ${matters} % do not matter.`;
  if ('restarts' in schedule) {
    return `${start} ${describeBootDesign(schedule)}. Each boot is measured for ${block} after ${settle} to settle: ${total} in total, excluding the restarts. Applying the result may take one more restart. ${end}`;
  }
  return `${start} ${2 * schedule.pairs} blocks of ${block}, each after ${settle} to settle: ${total} in total. ${end}`;
}

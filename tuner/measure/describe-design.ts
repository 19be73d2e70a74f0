import { formatSeconds } from '../../model/duration.ts';
import { decidingFigure, type ExperimentSettings } from './vm-experiment.ts';

/** The experiment in a line, before anything is changed. */
export function describeDesign(settings: ExperimentSettings): string {
  const { schedule, baselineMs, margin, keepIf } = settings;
  const { pairs, blockMs, settleMs, totalMs } = schedule;
  const [baseline, block, settle, total] = [baselineMs, blockMs, settleMs, baselineMs + totalMs].map((ms) =>
    formatSeconds(ms / 1_000),
  );
  const matters = Number(((margin - 1) * 100).toFixed(1));
  return `Measured by ${decidingFigure(settings)}: ${baseline} as it is, then ${2 * pairs} blocks of ${block}, each after ${settle} to settle: ${total} in all. Kept if ${keepIf}; changes below ${matters} % do not matter.`;
}

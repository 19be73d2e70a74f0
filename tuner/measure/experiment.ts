import type { Trial } from '../apply/apply.ts';
import { failureOf, type Work } from '../apply/execute.ts';
import { LiveSwitch } from '../apply/live-switch.ts';
import { TunerError } from '../errors.ts';
import { describeFigure, describeReport } from './describe.ts';
import type { Figure, Sample } from './figure.ts';
import { type Clock, Recorder } from './recorder.ts';
import { type Question, type Report, reportOn } from './report.ts';
import type { Arm, Block, Schedule } from './schedule.ts';
import { findWorse, ruleOf, type Stretch } from './watch-guard.ts';

/** When what was measured stays applied. */
export type KeepIf = 'better' | 'not-worse' | 'always';

export interface Experiment extends Question {
  readonly schedule: Schedule;
  /** Before the first block, with nothing changed: what the guard compares with. */
  readonly baselineMs: number;
  readonly everyMs: number;
  /** All figures now. It handles its own errors: what it could not sample is absent. */
  readonly sample: () => Promise<Sample>;
  readonly keepIf: KeepIf;
  /** Only guarded, and not part of the result: figures of the other VMs. */
  readonly guards: readonly Figure[];
  /** Absent: the real one. */
  readonly clock?: Clock | undefined;
  /** Before each block, for people who watch. */
  readonly onBlock?: ((block: Block, index: number) => void) | undefined;
  /** The baseline is too short, or too little of it was sampled, to say when a figure is clearly worse: only limits guard. */
  readonly onNoGuard?: (() => void) | undefined;
}

/**
 * A switchback experiment as part of applying a transaction: switches its live steps on and off by the schedule, then
 * leaves every step to be made, or all of them undone. Boot-time settings are not part of it; they are made when it is
 * kept.
 *
 * The times of the schedule count from when a switch is complete, so a slow switch makes the experiment longer and no
 * block shorter. Whatever ends it early undoes everything: a VM that stops, a libvirt that goes away, a signal, a guard.
 */
export function trialOf(experiment: Experiment): Trial {
  return async (work) => {
    const { primary, schedule } = experiment;
    const recorder = new Recorder(experiment.sample, experiment.everyMs, experiment.clock ?? work.link);
    const blocks: Block[] = [];
    let cause: unknown;
    try {
      await runBlocks(experiment, work, recorder, blocks);
    } catch (error) {
      cause = error;
    }
    const ended = cause === undefined ? undefined : failureOf(cause);
    const { seed, pairs, blockMs, settleMs } = schedule;
    const report = reportOn(experiment, {
      seed,
      design: { pairs, blockMs, settleMs },
      blocks,
      ended: ended?.message,
      everyMs: experiment.everyMs,
      series: (name) => recorder.series(name),
    });
    const measured = { ...report, text: describeReport(report) };
    if (ended !== undefined) return { failure: ended, measured };
    if (isKept(report, experiment.keepIf)) return { measured };
    const found = describeFigure(report.primary, 2 * (blockMs + settleMs));
    const message = `${found}; not kept, since ${JSON.stringify(primary.name)} had to be ${wanted(experiment.keepIf)}`;
    return { failure: { code: 'TUNE_MEASURE', message }, measured };
  };
}

/** Whether the result asks for the settings to stay. Only the primary figure decides. */
export function isKept({ primary }: Pick<Report, 'primary'>, keepIf: KeepIf): boolean {
  const { verdict, notWorse } = primary.judgement;
  if (keepIf === 'always') return true;
  return keepIf === 'better' ? verdict === 'better' : notWorse;
}

function wanted(keepIf: KeepIf): string {
  return keepIf === 'better' ? 'better' : 'not worse';
}

/** Adds each block to `blocks` when it is complete. */
async function runBlocks(
  experiment: Experiment,
  work: Work,
  recorder: Recorder,
  blocks: Block[],
): Promise<void> {
  const { schedule, baselineMs, everyMs, primary, secondary, guards, onBlock, onNoGuard } = experiment;
  const figures = [primary, ...secondary, ...guards];
  const series = (name: string) => recorder.series(name);
  const setting = new LiveSwitch(work);
  await setting.prepare();
  await recorder.until(baselineMs, primary.name);
  const rule = ruleOf(figures, series, everyMs, schedule.totalMs / 2);
  if (rule === undefined) onNoGuard?.();
  const stretches: Stretch[] = [{ arm: 'off', fromMs: 0, toMs: recorder.nowMs() }];
  let state: Arm = 'off';
  for (const [index, planned] of schedule.blocks.entries()) {
    onBlock?.(planned, index);
    const { arm, pair } = planned;
    if (arm !== state) await (arm === 'on' ? setting.on() : setting.off());
    state = arm;
    const startMs = recorder.nowMs();
    const measureMs = startMs + schedule.settleMs;
    const guard = (): void => {
      if (arm === 'off') return;
      const now = { arm, fromMs: startMs, toMs: recorder.nowMs() };
      const worse = findWorse(figures, rule, series, everyMs, [...stretches, now]);
      if (worse !== undefined) throw new TunerError('TUNE_MEASURE', `${worse} with the setting`);
    };
    await recorder.until(measureMs, primary.name, guard);
    await recorder.until(measureMs + schedule.blockMs, primary.name, guard);
    // A sample takes time: the last one belongs to the block.
    const endMs = recorder.nowMs();
    await setting.check(arm);
    stretches.push({ arm, fromMs: arm === 'on' ? startMs : measureMs, toMs: endMs });
    blocks.push({ pair, arm, startMs, measureMs, endMs });
  }
}

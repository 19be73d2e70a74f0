import { setTimeout as sleep } from 'node:timers/promises';
import { formatSeconds } from '../../model/duration.ts';
import { jsonText } from '../../model/json-text.ts';
import { describeBootSchedule } from '../../tuner/measure/boots/describe.ts';
import { type BootSchedule, bootsWith, smallestP } from '../../tuner/measure/boots/schedule.ts';
import { runningOthers } from '../../tuner/measure/host-figures.ts';
import { describePreview, describeSchedule, previewOf } from '../../tuner/measure/preview.ts';
import {
  type AnySettings,
  decidingFigure,
  type ExperimentSettings,
  isByRestarts,
  vmExperiment,
} from '../../tuner/measure/vm-experiment.ts';
import type { StepDomain } from '../../tuner/steps/step.ts';
import { unlessStopped } from '../../tuner/unless-stopped.ts';
import { log } from '../log.ts';
import type { TuneFlags } from './options.ts';
import { show } from './outcome.ts';
import { withSampler } from './with-sampler.ts';

/**
 * Prints the schedule of an experiment, measures its baseline over a read-only connection, and prints the effect that
 * the experiment could detect. Nothing is locked, changed or journalled.
 */
export async function dryRun(
  own: StepDomain,
  settings: AnySettings,
  flags: TuneFlags,
  signal: AbortSignal,
): Promise<void> {
  const json = flags.json === true;
  if (isByRestarts(settings)) return bootDryRun(settings, json);
  const { schedule, baselineMs, everyMs } = settings;
  show(describeSchedule(schedule, baselineMs).join('\n'), json);
  const preview = await withSampler(flags, signal, async (sampler) => {
    const others = runningOthers(await sampler.sample(), own);
    const experiment = vmExperiment(own, others, sampler, settings, (text) => log(`virtune: ${text}`));
    log(`virtune: measuring the baseline, ${formatSeconds(baselineMs / 1_000)}; nothing is changed`);
    const clock = {
      nowMs: () => performance.now(),
      wait: (ms: number) => sleep(ms, undefined, { signal }),
    };
    const found = await unlessStopped(signal, () => previewOf(experiment, clock));
    return { ...found, text: describePreview(found, experiment), name: experiment.primary.name };
  });
  if (!json) {
    process.stdout.write(`${preview.text.join('\n')}\n`);
    return;
  }
  const { pairs, blockMs, settleMs, totalMs } = schedule;
  const document = {
    format: 1,
    kind: 'dry run',
    design: { pairs, blockMs, settleMs },
    baselineMs,
    everyMs,
    totalMs: baselineMs + totalMs,
    figure: preview.name,
    baseline: preview.baseline,
    blocksForMargin: preview.blocksForMargin ?? null,
    guard: preview.guard,
    text: preview.text,
  };
  process.stdout.write(`${jsonText(document, 2)}\n`);
}

/** A baseline would not help: the variance between boots is unknown before the first restart. */
function bootDryRun(
  { schedule, baselineMs, everyMs, ...settings }: ExperimentSettings<BootSchedule>,
  json: boolean,
): void {
  const text = describeBootSchedule(schedule, baselineMs);
  if (!json) {
    process.stdout.write(`${text.join('\n')}\n`);
    return;
  }
  const { restarts, blockMs, settleMs, totalMs } = schedule;
  const on = bootsWith(restarts);
  const document = {
    format: 1,
    kind: 'dry run',
    design: { restarts, blockMs, settleMs },
    baselineMs,
    everyMs,
    totalMs: baselineMs + totalMs,
    figure: decidingFigure(settings),
    smallestP: smallestP(restarts - on, on),
    text,
  };
  process.stdout.write(`${jsonText(document, 2)}\n`);
}

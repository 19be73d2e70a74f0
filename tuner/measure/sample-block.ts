import { blockMean } from './block-means.ts';
import type { Figure } from './figure.ts';
import type { MustRun, Recorder } from './recorder.ts';

/** How many times its planned length a block may take. */
const LONGEST = 3;

/** A stretch of measuring, on the clock of the recorder. */
export interface Stretch {
  readonly figure: Pick<Figure, 'name' | 'kind'>;
  readonly fromMs: number;
  readonly blockMs: number;
}

/**
 * Samples a block to its end, and longer if samples took so long that they cover too little of it for the figure: a
 * host in trouble answers late, and its blocks would be lost. Only the duration of samples counts, never their values.
 *
 * @param onSample called after each sample; throws to end the experiment.
 * @returns when it ended, on the same clock.
 * @throws TunerError TUNE_MEASURE when that VM does not run, or is in another run than before.
 */
export async function sampleBlock(
  recorder: Recorder,
  { figure: { name, kind }, fromMs, blockMs }: Stretch,
  mustRun: MustRun,
  onSample: () => void,
): Promise<number> {
  await recorder.until(fromMs + blockMs, mustRun, onSample);
  for (;;) {
    const nowMs = recorder.nowMs();
    const mean = blockMean(kind, recorder.series(name), { fromMs, toMs: nowMs }, recorder.everyMs);
    if (!('missing' in mean && mean.tooFewSamples) || nowMs >= fromMs + LONGEST * blockMs) return nowMs;
    await recorder.until(nowMs + recorder.everyMs, mustRun, onSample);
  }
}

import { TunerError } from '../../tuner/errors.ts';
import { keyOf, sampleOf } from '../../tuner/measure/host-figures.ts';
import type { AnySettings } from '../../tuner/measure/vm-experiment.ts';
import type { StepDomain } from '../../tuner/steps/step.ts';
import { unlessStopped } from '../../tuner/unless-stopped.ts';
import { chooseDomains, planFileIn } from './choose-domains.ts';
import type { PlanFlags } from './make-plan.ts';
import { readPlanFile } from './plan-file.ts';
import { withSession } from './session.ts';
import { withSampler } from './with-sampler.ts';

/**
 * Checks, before planning, locking or prompting, that there is exactly one VM to measure and that the figure to compare
 * has a value.
 *
 * @throws TunerError TUNE_USAGE for several VMs, TUNE_FIGURE or PrometheusError with the reason why there is no
 * value.
 */
export async function checkFigure(
  patterns: readonly string[],
  flags: PlanFlags,
  { user, metric }: AnySettings,
  signal: AbortSignal,
): Promise<void> {
  const own = await oneDomain(patterns, flags, signal);
  if (user !== undefined) await unlessStopped(signal, () => user.read());
  const reading = await withSampler(flags, signal, async (sampler) =>
    sampleOf(await sampler.sample(), [own.uuid]).get(keyOf(own.uuid, metric)),
  );
  const named = JSON.stringify(own.name);
  if (reading?.run === undefined) {
    throw new TunerError('TUNE_FIGURE', `${named} does not run, so nothing can be measured; start it first`);
  }
  if (user !== undefined || reading.missing === undefined) return;
  throw new TunerError(
    'TUNE_FIGURE',
    `${metric.name} of ${named} has no value: ${reading.missing}; choose another figure (--metric, --probe)`,
  );
}

async function oneDomain(
  patterns: readonly string[],
  flags: PlanFlags,
  signal: AbortSignal,
): Promise<StepDomain> {
  const file = await planFileIn(patterns, flags);
  const domains =
    file === undefined
      ? await withSession(flags, { readOnly: true, signal }, async (session) =>
          (await chooseDomains(session, patterns, flags)).picks.map(({ state }) => state.domain),
        )
      : (await readPlanFile(file)).choice.picks;
  const [own, ...more] = domains;
  if (own !== undefined && more.length === 0) return own;
  throw new TunerError('TUNE_USAGE', `--measure takes one VM at a time, and not ${domains.length}`);
}

import type { DomainPlan } from '../plan/plan.ts';
import { stepDomain } from '../plan/verdict.ts';
import { describeStep } from '../steps/describe.ts';
import { liveSettingOf } from '../steps/live-settings/all.ts';
import type { Step } from '../steps/step.ts';
import type { StepHost } from '../steps/step-host.ts';

/** Evidence that a setting is in effect, or how it differs. */
export interface Verification {
  readonly step: Step;
  /** In words: what libvirt reports as in effect, and what the host's own kernel reports. */
  readonly seen: readonly string[];
  /** Why it is not in effect after all. */
  readonly differs: string | undefined;
}

/**
 * Checks each setting that a running domain's XML has as wanted: whether it is in effect, according to libvirt's own
 * getters, and on the host itself if virtune runs there.
 */
export async function verifyRunning(host: StepHost, plan: DomainPlan): Promise<Verification[]> {
  const { state, rows } = plan;
  const { live } = state;
  if (live === undefined) return [];
  const steps = rows
    .filter(({ wish, live: is }) => wish.problem === undefined && is !== undefined && is === wish.value)
    .flatMap(({ wish: { setting, target, value } }) => {
      const change = { domain: stepDomain(state), target, from: undefined, to: value, live: live.root };
      return setting.live?.(change) ?? [];
    });
  const verifications: Verification[] = [];
  for (const step of steps) verifications.push(await verify(host, step));
  return verifications;
}

async function verify(host: StepHost, step: Step): Promise<Verification> {
  const liveSetting = liveSettingOf(step);
  try {
    const is = await liveSetting.get(host, step);
    const wanted = liveSetting.target(step, is);
    const differs = liveSetting.differs(is, wanted);
    if (differs !== undefined) return { step, seen: [], differs };
    return { step, seen: await liveSetting.verify(host, step, wanted), differs: undefined };
  } catch (error) {
    return { step, seen: [], differs: (error as Error).message };
  }
}

/** A verification in lines, for users. */
export function describeVerification({ step, seen, differs }: Verification): string[] {
  if (differs !== undefined) return [`${describeStep(step)}: differs: ${differs}`];
  return seen.map((line) => `${describeStep(step)}: ${line}`);
}

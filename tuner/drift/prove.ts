import type { DomainPlan } from '../plan/plan.ts';
import { stepDomain } from '../plan/verdict.ts';
import { describeStep } from '../steps/describe.ts';
import { registerOf } from '../steps/registers/all.ts';
import type { Step } from '../steps/step.ts';
import type { StepHost } from '../steps/step-host.ts';

/** What was seen of a setting that holds, or how it does not. */
export interface Proof {
  readonly step: Step;
  /** In words: what libvirt says in effect, and what the host's own kernel says. */
  readonly seen: readonly string[];
  /** Why it is not so after all. */
  readonly differs: string | undefined;
}

/**
 * Looks for each setting of a running domain that its XML has as wanted whether it is so in effect: through
 * libvirt's own getters, and on the host itself where virtune runs there.
 */
export async function proveRunning(host: StepHost, plan: DomainPlan): Promise<Proof[]> {
  const { state, rows } = plan;
  const { live } = state;
  if (live === undefined) return [];
  const steps = rows
    .filter(({ wish, live: is }) => wish.problem === undefined && is !== undefined && is === wish.value)
    .flatMap(({ wish: { setting, target, value } }) => {
      const change = { domain: stepDomain(state), target, from: undefined, to: value, live: live.root };
      return setting.live?.(change) ?? [];
    });
  const proofs: Proof[] = [];
  for (const step of steps) proofs.push(await prove(host, step));
  return proofs;
}

async function prove(host: StepHost, step: Step): Promise<Proof> {
  const register = registerOf(step);
  try {
    const is = await register.get(host, step);
    const wanted = register.target(step, is);
    const differs = register.differs(is, wanted);
    if (differs !== undefined) return { step, seen: [], differs };
    return { step, seen: await register.prove(host, step, wanted), differs: undefined };
  } catch (error) {
    return { step, seen: [], differs: (error as Error).message };
  }
}

/** The lines of a proof, for people. */
export function describeProof({ step, seen, differs }: Proof): string[] {
  if (differs !== undefined) return [`${describeStep(step)}: differs: ${differs}`];
  return seen.map((line) => `${describeStep(step)}: ${line}`);
}

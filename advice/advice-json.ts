import type { Advice, Affected, Remedy, VmRef } from './advice.ts';
import type { Answer } from './answer.ts';
import type { HostObservation } from './observation.ts';
import { pageOf } from './report.ts';

/** Incremented when a name or a meaning changes; new names may be added at any time. */
const JSON_VERSION = 1;

/** What `virtune advise --json` prints for one host; shapes and units are in docs/advice.md. */
export function answerJson(
  name: string,
  observation: Pick<HostObservation, 'samples' | 'fromMs' | 'toMs'> & { readonly uri: string | undefined },
  answer: Answer,
  { isDemo = false }: { readonly isDemo?: boolean } = {},
): object {
  return {
    version: JSON_VERSION,
    host: name,
    uri: observation.uri ?? null,
    demo: isDemo,
    from: new Date(observation.fromMs).toISOString(),
    to: new Date(observation.toMs).toISOString(),
    samples: observation.samples,
    state: answer.state,
    ask_again_after_seconds: answer.askAgainAfterSeconds ?? null,
    unknown: answer.unknown,
    advice: answer.advice.map(adviceJson),
  };
}

function adviceJson(advice: Advice): object {
  return {
    kind: advice.kind,
    id: advice.id,
    severity: advice.severity,
    harm: Math.round(advice.harm * 1_000) / 1_000,
    title: advice.title,
    vms: advice.victims.map(affectedJson),
    evidence: advice.evidence.map(({ figure, statistic, value, unit, samples, spanMs, above }) => ({
      figure,
      statistic,
      value,
      unit,
      samples,
      span_seconds: spanMs / 1_000,
      limit: above?.limit ?? null,
      share_of_samples_above: above?.share ?? null,
    })),
    cause: advice.cause,
    culprits: advice.culprits.map(affectedJson),
    changes: advice.remedies.map(remedyJson),
    page: pageOf(advice.kind),
  };
}

function remedyJson({ change, steps, cost, payers, gain, risk, effect, profile }: Remedy): object {
  return {
    change,
    commands: steps.map(({ argv, vm }) => ({ argv, vm: vm === undefined ? null : refJson(vm) })),
    cost,
    vms_that_pay: payers.map(refJson),
    gain,
    risk,
    takes_effect: effect,
    profile: profile?.name ?? null,
  };
}

const refJson = ({ uuid, name }: VmRef): object => ({ uuid, name });
const affectedJson = ({ uuid, name, evidence }: Affected): object => ({ uuid, name, evidence });

import type { Advice, Severity } from '../../advice/advice.ts';

/** Advice as it concerns one VM: what hurts it or puts it at risk, why, and what would help. */
export interface Finding {
  readonly kind: Advice['kind'];
  readonly id: string;
  readonly severity: Severity;
  readonly text: string;
  /** What was measured or read of this VM. */
  readonly evidence: string;
  readonly cause: string;
  /** Names of VMs that cause it, the largest first, each with its part. */
  readonly culprits: readonly string[];
  /** What would help, and what that costs others; absent where no change is proposed. */
  readonly change: string | undefined;
  readonly cost: string | undefined;
  /** As argument lists; shown quoted for a shell, and never run by virtune. The last explains it. */
  readonly commands: readonly (readonly string[])[];
}

/** `evidence`: of the VM that is looked at. Of several alike VMs, only the commands for this one. */
export function findingOf(advice: Advice, uuid: string, evidence: string, uri: string): Finding {
  const [remedy] = advice.remedies;
  const own = remedy?.steps.filter(({ vm }) => vm?.uuid === uuid) ?? [];
  const steps = own.length > 0 ? own : (remedy?.steps ?? []);
  return {
    kind: advice.kind,
    id: advice.id,
    severity: advice.severity,
    text: advice.title,
    evidence,
    cause: advice.cause,
    culprits: advice.culprits.map((each) => `${each.name} ${each.evidence}`),
    change: remedy?.change,
    cost: remedy?.cost,
    commands: [...steps.map(({ argv }) => argv), explain(advice.id, uri)],
  };
}

/** The command that says all about it, with every VM and every alternative. */
export function explain(id: string, uri: string): string[] {
  return ['virtune', 'advise', ...(uri === 'qemu:///system' ? [] : ['-c', uri]), '--explain', id];
}

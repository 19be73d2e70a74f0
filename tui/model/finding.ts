import type { Advice, Severity } from '../../advice/advice.ts';

/** Advice from the point of view of one VM: what affects it or puts it at risk, the cause, and a remedy. */
export interface Finding {
  readonly kind: Advice['kind'];
  readonly id: string;
  readonly severity: Severity;
  readonly text: string;
  /** What was measured or read of this VM. */
  readonly evidence: string;
  readonly cause: string;
  /** Names of the VMs that cause it with their shares, the largest first. */
  readonly culprits: readonly string[];
  /** The remedy and its cost to others; absent when no change is proposed. */
  readonly change: string | undefined;
  readonly cost: string | undefined;
  /** As argument lists; shown shell-quoted, and never run by virtune. The last one explains the finding. */
  readonly commands: readonly (readonly string[])[];
}

/**
 * Advice as a finding of the VM `uuid`, with the evidence for this VM. If it concerns several similar VMs, only the
 * commands for this one.
 */
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

/** The command that explains the advice in full, with every VM and every alternative. */
export function explain(id: string, uri: string): string[] {
  return ['virtune', 'advise', ...(uri === 'qemu:///system' ? [] : ['-c', uri]), '--explain', id];
}

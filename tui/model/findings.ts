import type { Finding, Severity } from './finding.ts';
import type { HostContext } from './host-context.ts';
import { RULES } from './rules/all.ts';
import type { Vm } from './vm.ts';

const ORDER: Readonly<Record<Severity, number>> = { bad: 0, warn: 1, info: 2 };

/** The worst first. */
export function findingsOf(vm: Vm, host: HostContext): readonly Finding[] {
  return RULES.flatMap((rule) => rule(vm, host)).sort((a, b) => ORDER[a.severity] - ORDER[b.severity]);
}

import type { Finding, Severity } from '../finding.ts';
import type { HostContext } from '../host-context.ts';
import type { Vm } from '../vm.ts';

export type Rule = (vm: Vm, host: HostContext) => readonly Finding[];

export const virsh = (host: HostContext, ...args: string[]): string[] =>
  host.uri === 'qemu:///system' ? ['virsh', ...args] : ['virsh', '-c', host.uri, ...args];

export const tune = (vm: Vm, host: HostContext, profile: string): string[] => [
  'virtune',
  'tune',
  'plan',
  ...(host.uri === 'qemu:///system' ? [] : ['-c', host.uri]),
  '--profile',
  profile,
  ...(vm.name.startsWith('-') ? ['--'] : []),
  vm.name,
];

/** A name that begins with a dash would be read as an option; libvirt takes a UUID in its place. */
export const nameFor = (vm: Vm): string => (vm.name.startsWith('-') ? vm.sample.domain.uuid : vm.name);

export function finding(
  rule: string,
  severity: Severity,
  text: string,
  evidence: string,
  command?: readonly string[],
): Finding {
  return { rule, severity, text, evidence, command };
}

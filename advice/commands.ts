import type { DomainSample } from '../sampler/host-sample.ts';
import type { Step, VmRef } from './advice.ts';
import type { ObservedVm } from './observation.ts';

/** The default connection of virsh and virtune. */
export const DEFAULT_URI = 'qemu:///system';

/** `virsh ARGS` for the observed host. */
export function virsh(uri: string, ...args: string[]): string[] {
  return uri === DEFAULT_URI ? ['virsh', ...args] : ['virsh', '-c', uri, ...args];
}

/** `virtune tune VERB --profile P VM...` */
export function tune(uri: string, verb: 'plan' | 'apply', profile: string, vms: readonly VmRef[]): string[] {
  const names = vms.map(({ name }) => name);
  return [
    'virtune',
    'tune',
    verb,
    ...(uri === DEFAULT_URI ? [] : ['-c', uri]),
    '--profile',
    profile,
    ...(names.some((name) => name.startsWith('-')) ? ['--'] : []),
    ...names,
  ];
}

/**
 * The argument by which virsh finds this VM. virsh interprets a number as the ID of a running VM and 36 characters as a
 * UUID before it tries the name (virshLookupDomainInternal), and a leading dash as an option: such a VM is identified
 * by its UUID.
 */
export const nameFor = ({ name, uuid }: VmRef): string =>
  name.startsWith('-') || /^\s*\+?\d+$/.test(name) || name.length === 36 ? uuid : name;

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;
export const isUuid = (text: string): boolean => UUID.test(text);

/** Identifies this VM on its host only: on another host, where a VM may have the same name, virsh finds none. */
export const uuidFor = (vm: VmRef): string => (isUuid(vm.uuid) ? vm.uuid : nameFor(vm));

/** Flags for a lasting change of a running VM: a transient VM has no persistent definition to change. */
export function lasting({ summary }: Pick<DomainSample, 'summary'>): string[] {
  return summary.marks?.persistent === false ? ['--live'] : ['--live', '--config'];
}

export const refOf = ({ uuid, name }: ObservedVm): VmRef => ({ uuid, name });

/** One `virsh` command that changes a VM. */
export function virshStep(uri: string, vm: ObservedVm, command: string, ...args: string[]): Step {
  return { argv: virsh(uri, command, nameFor(vm), ...args), vm: refOf(vm) };
}

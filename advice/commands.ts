import type { DomainSample } from '../sampler/host-sample.ts';
import type { Step, VmRef } from './advice.ts';
import type { ObservedVm } from './observation.ts';

/** What virsh and virtune connect to by themselves. */
export const DEFAULT_URI = 'qemu:///system';

/** `virsh ARGS` for the host that was observed. */
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
 * What virsh finds this VM by. It takes a number for the ID of a running VM and 36 characters for a UUID, before it looks for a
 * name (virshLookupDomainInternal), and a dash begins an option: such a VM is named by its UUID.
 */
export const nameFor = ({ name, uuid }: VmRef): string =>
  name.startsWith('-') || /^\s*\+?\d+$/.test(name) || name.length === 36 ? uuid : name;

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;
export const isUuid = (text: string): boolean => UUID.test(text);

/** What virsh finds this VM by on its host alone: on another one, where a VM may have the same name, it finds none. */
export const uuidFor = (vm: VmRef): string => (isUuid(vm.uuid) ? vm.uuid : nameFor(vm));

/** For a change of a running VM that lasts: a transient VM has no definition to change. */
export function lasting({ summary }: Pick<DomainSample, 'summary'>): string[] {
  return summary.marks?.persistent === false ? ['--live'] : ['--live', '--config'];
}

export const refOf = ({ uuid, name }: ObservedVm): VmRef => ({ uuid, name });

/** One `virsh` command that changes a VM. */
export function virshStep(uri: string, vm: ObservedVm, command: string, ...args: string[]): Step {
  return { argv: virsh(uri, command, nameFor(vm), ...args), vm: refOf(vm) };
}

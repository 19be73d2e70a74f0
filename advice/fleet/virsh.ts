import { isIP } from 'node:net';
import { shellLine } from '../../model/shell-command.ts';
import { terminalText } from '../../model/terminal-text.ts';
import { isUuid } from '../commands.ts';
import { hostOf } from './constraints.ts';
import type { Move } from './plan.ts';

/** URI of a host's libvirt, unless the constraints set one. */
const DEFAULT_URI = 'qemu+ssh://{host}/system';

const HOST_NAME = /^[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?)*\.?$/i;

/**
 * A shell script that moves VMs one by one and stops at the first failure. VMs are identified by UUID: virsh takes a
 * numeric name for an ID, and a name with a leading dash for an option.
 * @param uri template with {host}
 */
export function virshScript(moves: readonly Move[], uri = DEFAULT_URI): string[] {
  if (moves.length === 0) return ['# No VM has to move.'];
  return ['set -e', ...moves.flatMap((move) => [`# ${commentOf(move)}`, ...commandsOf(move, uri)])];
}

function commentOf({ vm, from, to, why }: Move): string {
  return terminalText(`${vm.name}: ${from.instance} -> ${to.instance}, for ${why}`);
}

function commandsOf({ vm, from, to }: Move, uri: string): string[] {
  const [source, target] = [uriOf(from.instance, uri), uriOf(to.instance, uri)];
  if (source === undefined || target === undefined) {
    return ['# No command: the label instance is not a host name with or without a port.'];
  }
  if (!isUuid(vm.uuid)) return ['# No command: the UUID of the VM is not one.'];
  // Not if it is transient. If unknown, an extra definition does less harm than a VM that vanishes once off.
  const definition = vm.isPersistent === false ? [] : ['--persistent', '--undefinesource'];
  return [
    shellLine(['virsh', '-c', source, 'migrate', '--live', ...definition, '--verbose', vm.uuid, target]),
    ...autostartOf(vm, target),
  ];
}

/** A migration transfers the definition, but not autostart, which is a link on the source host. */
function autostartOf({ uuid, autostart, isPersistent }: Move['vm'], target: string): string[] {
  if (isPersistent === false || autostart === 'never') return [];
  if (autostart === undefined) {
    return [
      '# Whether it starts with its host (virsh autostart) is not recorded, and a migration does not keep it: look before.',
    ];
  }
  return [shellLine(['virsh', '-c', target, 'autostart', ...(autostart === 'once' ? ['--once'] : []), uuid])];
}

/** URI of the host with this label `instance`; undefined where the label is not a host. */
export function uriOf(instance: string, uri = DEFAULT_URI): string | undefined {
  const host = hostOf(instance);
  if (isIP(host) === 6) return uri.replaceAll('{host}', `[${host}]`);
  return isIP(host) === 4 || HOST_NAME.test(host) ? uri.replaceAll('{host}', host) : undefined;
}

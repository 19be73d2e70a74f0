import { ioThreadUsers } from '../../settings/disk.ts';
import { POLL_IN_DEFINITION } from '../../settings/iothreads.ts';
import { cpuNumbers } from '../../settings/values.ts';
import type { Check, CheckView } from './check.ts';

/** Devices that will still use an iothread that is to go. */
function usersLeft(view: CheckView, kept: ReadonlySet<number>): string[] {
  return ioThreadUsers(view.root).flatMap(({ id, user, settings }) => {
    const one = settings === undefined ? id : view.will(settings.one, settings.target);
    const mapped = settings && view.will(settings.several, settings.target);
    const several = cpuNumbers(mapped?.replaceAll(/=[\d,-]+/g, '').replaceAll(' ', ','));
    const used = [...(one === undefined ? [] : [Number(one)]), ...several];
    return used.includes(Number(id)) && !kept.has(Number(id)) ? [`${user} (iothread ${id})`] : [];
  });
}

export const ioThreadChecks: readonly Check[] = [
  {
    of: /^iothreads$/,
    find: ({ value }, { state: { capabilities } }) =>
      value !== undefined && capabilities?.ioThreads === false
        ? { code: 'IOTHREADS_UNSUPPORTED', text: 'the emulator of this domain does not support iothreads' }
        : undefined,
  },
  {
    of: /^iothreads$/,
    find: ({ value }, view) => {
      const users = usersLeft(view, new Set(cpuNumbers(value)));
      return users.length === 0
        ? undefined
        : {
            code: 'IOTHREAD_IN_USE',
            text: `iothreads that would be removed are in use by ${[...new Set(users)].join(', ')}`,
            next: 'set disk.iothread for disks, and scsi.iothread for virtio-scsi controllers',
          };
    },
  },
  {
    of: /^iothread\.poll\./,
    find: ({ value }, { host, state }) =>
      value !== undefined && host.libvirtVersion < POLL_IN_DEFINITION && state.live === undefined
        ? {
            code: 'POLLING_NOT_KEPT',
            text: 'this libvirt does not store polling times in the definition (9.4 and later do), and the domain is not running',
            next: 'start it and apply again, or let "virtune tune watch" apply them at each start',
          }
        : undefined,
  },
];

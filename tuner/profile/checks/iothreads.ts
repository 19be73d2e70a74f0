import { ioThreadUsers } from '../../settings/disk.ts';
import { ioThreadIds } from '../../settings/iothread-ids.ts';
import { POLL_IN_DEFINITION } from '../../settings/iothreads.ts';
import { cpuNumbers } from '../../settings/values.ts';
import type { Check, CheckView } from './check.ts';

/** Devices that still use an iothread to be removed. */
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
    find({ value, target }, view) {
      const { host, state } = view;
      if (value === undefined || host.libvirtVersion >= POLL_IN_DEFINITION) return undefined;
      const kept = 'this libvirt does not store polling times in the definition (9.4 and later do)';
      if (state.live === undefined) {
        return {
          code: 'POLLING_NOT_KEPT',
          text: `${kept}, and the domain is not running`,
          next: 'start it and apply again, or let "virtune tune watch" apply them at each start',
        };
      }
      const added = view.wished('iothreads') ? cpuNumbers(view.will('iothreads')) : undefined;
      if (added?.has(Number(target)) || ioThreadIds(state.live.root).includes(Number(target)))
        return undefined;
      return {
        code: 'POLLING_NOT_KEPT',
        text: `${kept}, and the running domain does not have iothread ${target} yet`,
        next: 'restart it and apply again, or let "virtune tune watch" apply them at each start',
      };
    },
  },
];

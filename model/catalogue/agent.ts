import type { GuestFigures } from '../guest.ts';
import { labelText } from '../label-text.ts';
import { LIBVIRT_FEATURES } from '../libvirt-features.ts';
import { msToSeconds } from '../units.ts';
import type { Group, Point } from './metric.ts';

const NEEDS = "a writable connection, and QEMU's guest agent running in the guest";

const text = (value: string | undefined): string | undefined =>
  value === undefined ? undefined : labelText(value);

export const agentGroup = {
  name: 'agent',
  help: 'Figures from the guest agent of each VM: file systems and load. Needs a connection that libvirt counts as writable.',
  byDefault: false,
  costs:
    'One or two calls per minute for each guest with an agent, over a separate connection that sends nothing else.',
  metrics: [
    {
      per: 'guestFilesystem',
      type: 'gauge',
      name: 'libvirt_domain_guest_filesystem_size_bytes',
      help: 'Size of a file system mounted in the guest, in bytes, by a number that stays the same while it is mounted.',
      needs: NEEDS,
      read: ({ totalBytes }) => totalBytes,
    },
    {
      per: 'guestFilesystem',
      type: 'gauge',
      name: 'libvirt_domain_guest_filesystem_used_bytes',
      help: 'Used bytes of the file system.',
      needs: NEEDS,
      read: ({ usedBytes }) => usedBytes,
    },
    {
      per: 'guest',
      type: 'gauge',
      name: 'libvirt_domain_guest_filesystems',
      help: 'File systems mounted in the guest; at most 16 of them are exported individually.',
      needs: NEEDS,
      read: ({ filesystemCount }) => filesystemCount,
    },
    {
      per: 'guest',
      type: 'gauge',
      name: 'libvirt_domain_guest_load',
      help: 'Load average of the guest over 1, 5 and 15 minutes.',
      labels: ['minutes'],
      values: { minutes: ['1', '5', '15'] },
      since: LIBVIRT_FEATURES.guestLoad.libvirt,
      needs: `${NEEDS}, of QEMU 10.0 or newer`,
      points: loadOf,
    },
    {
      per: 'guest',
      type: 'gauge',
      name: 'libvirt_domain_guest_update_timestamp_seconds',
      help: 'When the agent last answered, in seconds since 1970.',
      needs: NEEDS,
      read: ({ atMs }) => msToSeconds(atMs),
    },
  ],
} as const satisfies Group;

export const agentInfoGroup = {
  name: 'agentinfo',
  help: 'Texts from the guest agent of each VM: mount points, operating system, host name. The guest chooses these texts, so enable it only for guests that you trust.',
  byDefault: false,
  costs: 'As agent, and one call per ten minutes; each new text of a guest is a new series.',
  metrics: [
    {
      per: 'guestFilesystem',
      type: 'info',
      name: 'libvirt_domain_guest_filesystem_info',
      help: 'Mount point and type of a file system in the guest.',
      needs: NEEDS,
      labels: {
        mountpoint: ({ mountpoint }) => text(mountpoint),
        fstype: ({ type }) => text(type),
      },
    },
    {
      per: 'guest',
      type: 'info',
      name: 'libvirt_domain_guest_os_info',
      help: 'Operating system as reported by the guest.',
      needs: NEEDS,
      when: ({ os, hostname }) => os.size > 0 || hostname !== undefined,
      labels: {
        hostname: ({ hostname }) => text(hostname),
        os_id: ({ os }) => text(os.get('id')),
        os_name: ({ os }) => text(os.get('pretty-name') ?? os.get('name')),
        os_version: ({ os }) => text(os.get('version-id') ?? os.get('version')),
        kernel: ({ os }) => text(os.get('kernel-release')),
        machine: ({ os }) => text(os.get('machine')),
      },
    },
  ],
} as const satisfies Group;

function* loadOf({ load }: GuestFigures): Generator<Point> {
  for (const [index, minutes] of ['1', '5', '15'].entries()) {
    const value = load?.[index];
    if (value !== undefined) yield [[minutes], value];
  }
}

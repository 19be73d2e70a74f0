import { attr, child, children } from '../../model/xml.ts';
import { ioThreadUsers } from '../settings/disk.ts';
import { targetsOf } from '../settings/targets.ts';
import { cpuNumbers } from '../settings/values.ts';
import { type Invariant, type Subject, settingOf } from './invariant.ts';

function unknownIoThread({ root, facts }: Subject): string | undefined {
  const known = new Set(facts.cpu.ioThreads.map(String));
  const user = ioThreadUsers(root).find(({ id }) => !known.has(id));
  if (user !== undefined) return `${user.user} uses iothread ${user.id}`;
  const pin = children(child(root, 'cputune'), 'iothreadpin').find(
    (each) => !known.has(attr(each, 'iothread') ?? ''),
  );
  if (pin !== undefined) return `iothread ${attr(pin, 'iothread')} is pinned`;
  const classes = children(child(root, 'cputune'), 'iothreadsched').flatMap((each) => [
    ...cpuNumbers(attr(each, 'iothreads')),
  ]);
  const id = classes.find((each) => !known.has(String(each)));
  return id === undefined ? undefined : `iothread ${id} has a scheduling policy`;
}

export const deviceInvariants: readonly Invariant[] = [
  {
    code: 'NO_SUCH_IOTHREAD',
    level: 'refuse',
    what: 'Disks, controllers, pins and scheduling policies refer only to iothreads that the domain has.',
    why: 'Otherwise libvirt rejects the definition, or the domain does not start.',
    source: 'libvirt formatdomain (2026), IOThreads Allocation',
    broken: (subject) => {
      const text = unknownIoThread(subject);
      return text === undefined
        ? undefined
        : { text: `${text}, but the domain has ${subject.facts.cpu.ioThreads.join(', ') || 'none'}` };
    },
  },
  {
    code: 'QUEUES_EXCEED_VCPUS',
    level: 'warn',
    what: 'Disks and NICs have at most as many queues as the domain has vCPUs.',
    why: 'The guest cannot use more, and Windows drivers perform badly with more.',
    source: 'virtio-win/kvm-guest-drivers-windows, pull request 800 (2022)',
    broken: (subject) => {
      const vcpus = subject.facts.cpu.vcpusMaximum ?? 1;
      for (const [scope, id] of [
        ['disk', 'disk.queues'],
        ['nic', 'nic.queues'],
      ] as const) {
        for (const target of targetsOf(subject.root, scope)) {
          const queues = Number(settingOf(subject, id, target) ?? 0);
          if (queues > vcpus)
            return { text: `${target} has ${queues} queues, but the domain has ${vcpus} vCPUs` };
        }
      }
      return undefined;
    },
  },
  {
    code: 'IO_NEEDS_DIRECT',
    level: 'refuse',
    what: 'A disk with io=native has cache=none or cache=directsync.',
    why: 'Linux AIO bypasses the page cache; libvirt rejects other cache modes.',
    source: 'libvirt 9.0 (2023), qemuValidateDomainDeviceDefDiskFrontend',
    broken: (subject) => {
      const target = targetsOf(subject.root, 'disk').find((disk) => {
        const cache = settingOf(subject, 'disk.cache', disk);
        return settingOf(subject, 'disk.io', disk) === 'native' && cache !== 'none' && cache !== 'directsync';
      });
      return target === undefined ? undefined : { text: `${target} has io=native with another cache mode` };
    },
  },
];

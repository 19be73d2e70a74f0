import { attr, child } from '../../../model/xml.ts';
import type { Problem } from '../../errors.ts';
import { targetElement } from '../../settings/targets.ts';
import { cpuNumbers } from '../../settings/values.ts';
import { type Check, type CheckView, check } from './check.ts';

/** `vda`, or `SCSI controller 0`. */
const deviceOf = (id: string, target: string): string =>
  id.startsWith('scsi.') ? `SCSI controller ${target}` : target;

const vcpusOf = ({ facts }: CheckView): number => facts.cpu.vcpusCurrent ?? facts.cpu.vcpusMaximum ?? 1;

/** The iothread ids in a mapping, without their queues. */
const mappedTo = (value: string): number[] => [
  ...cpuNumbers(value.replaceAll(/=[\d,-]+/g, '').replaceAll(' ', ',')),
];

/** Queues named in a mapping; undefined if it names none and QEMU distributes all of them. */
function namedQueues(mapping: string): number[] | undefined {
  if (!mapping.includes('=')) return undefined;
  return [...mapping.matchAll(/=([\d,-]+)/g)].flatMap(([, queues]) => [...cpuNumbers(queues)]);
}

function unknownIoThread(value: string, view: CheckView): Problem | undefined {
  const known = cpuNumbers(view.will('iothreads'));
  const missing = mappedTo(value).filter((id) => !known.has(id));
  return missing.length === 0
    ? undefined
    : {
        code: 'NO_SUCH_IOTHREAD',
        text: `the domain will not have iothread ${missing.join(', ')}`,
        next: 'iothread.count',
      };
}

/** Problems of queues and of the iothreads that serve them, for virtio-blk disks and virtio-scsi controllers. */
export const queueChecks: readonly Check[] = [
  check(/^(disk|scsi)\.queues$/, (value, { setting, target }, view) =>
    Number(value) <= vcpusOf(view)
      ? undefined
      : {
          code: 'QUEUES_EXCEED_VCPUS',
          text: `${deviceOf(setting.id, target)} would have ${value} queues, but the domain has ${vcpusOf(view)} vCPUs: the other queues stay unused, and Windows performs badly with them`,
          next: 'use "= vCPUs"',
        },
  ),
  check(/^(disk|scsi)\.iothreads?$/, (value, _, view) => unknownIoThread(value, view)),
  check(/^(disk|scsi)\.iothreads?$/, (_, { setting, target }, { root }) => {
    const type = attr(child(targetElement(root, setting.on, target), 'address'), 'type');
    return type === undefined || type === 'pci' || type === 'ccw'
      ? undefined
      : {
          code: 'IOTHREAD_ADDRESS',
          text: `iothreads serve only disks on PCI and CCW, but ${target} is on ${type}`,
        };
  }),
  check(/^(disk|scsi)\.iothreads$/, (value, { setting, target }, view) => {
    const queuesId = setting.id.replace('iothreads', 'queues');
    const queues = Number(view.will(queuesId, target) ?? vcpusOf(view));
    return mappedTo(value).length <= queues
      ? undefined
      : {
          code: 'IOTHREADS_EXCEED_QUEUES',
          text: `${deviceOf(setting.id, target)} has ${queues} queues, which is not enough for ${mappedTo(value).length} iothreads`,
        };
  }),
  {
    // An unchanged mapping may not fit the changed queues, nor may the old mapping fit if its change fails.
    of: /^(disk|scsi)\.(queues|iothreads)$/,
    find: ({ setting, target }, view) => {
      const kind = setting.id.startsWith('scsi.') ? 'scsi' : 'disk';
      const mapping = view.will(`${kind}.iothreads`, target) ?? '';
      const named = namedQueues(mapping);
      const queues = view.will(`${kind}.queues`, target);
      // Each queue exactly once (qemu, iothread_vq_mapping_validate).
      const fits = named?.toSorted((a, b) => a - b).every((queue, index) => queue === index);
      return named === undefined || (fits && named.length === Number(queues))
        ? undefined
        : {
            code: 'QUEUES_MAPPED',
            text: `the queues of ${deviceOf(setting.id, target)} are mapped to iothreads individually (${mapping}), which does not match ${queues ?? 'the default number of'} queues: the domain would not start`,
            next: `set ${kind}.iothread: mapped, which distributes all queues`,
          };
    },
  },
];

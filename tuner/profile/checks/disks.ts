import { attr, child, children, type Element } from '../../../model/xml.ts';
import type { Problem } from '../../errors.ts';
import { iotuneSettings } from '../../settings/iotune.ts';
import type { Wish } from '../../settings/setting.ts';
import { targetElement } from '../../settings/targets.ts';
import { cpuNumbers } from '../../settings/values.ts';
import { type Check, type CheckView, check } from './check.ts';

const DIRECT = new Set(['none', 'directsync']);

/** Sources that are no file and no block device of the host's. */
const OWN_IO = new Set(['network', 'nvme', 'dir']);

function needsDirect(io: string | undefined, cache: string | undefined): Problem | undefined {
  return io !== 'native' || (cache !== undefined && DIRECT.has(cache))
    ? undefined
    : {
        code: 'IO_NEEDS_DIRECT',
        text: `io native goes past the host's page cache, and the cache mode is ${cache ?? "QEMU's default, writeback"}`,
        next: 'disk.cache: none, or disk.io: threads',
      };
}

/** What only virtio-blk has. */
function needsVirtio(_: string, { setting, target }: Wish, view: CheckView): Problem | undefined {
  const bus = view.will('disk.bus', target);
  if (bus === 'virtio') return undefined;
  const controller = bus === 'scsi' && setting.id !== 'disk.queueSize';
  return {
    code: 'BUS_NOT_VIRTIO',
    text: `${setting.id} is for virtio disks, and ${target} is on ${bus ?? 'an unknown bus'}`,
    next: controller
      ? 'on virtio-scsi it belongs to the controller: scsi.queues, scsi.iothread'
      : 'move the disk to virtio once the guest has the driver (disk.bus), and accept that',
  };
}

/** `vda`, or `SCSI controller 0`. */
const deviceOf = (id: string, target: string): string =>
  id.startsWith('scsi.') ? `SCSI controller ${target}` : target;

const vcpusOf = ({ facts }: CheckView): number => facts.cpu.vcpusCurrent ?? facts.cpu.vcpusMaximum ?? 1;

/** Its iothreads by number, without their queues. */
const mappedTo = (value: string): number[] => [
  ...cpuNumbers(value.replaceAll(/=[\d,-]+/g, '').replaceAll(' ', ',')),
];

function unknownIoThread(value: string, view: CheckView): Problem | undefined {
  const known = cpuNumbers(view.will('iothreads'));
  const missing = mappedTo(value).filter((id) => !known.has(id));
  return missing.length === 0
    ? undefined
    : {
        code: 'NO_SUCH_IOTHREAD',
        text: `the domain will have no iothread ${missing.join(', ')}`,
        next: 'iothread.count',
      };
}

/** Since libvirt 11.2 a disk can name throttle groups of the domain. */
function hasThrottleFilters(root: Element | undefined, target: string): boolean {
  const disk = root && targetElement(root, 'disk', target);
  return children(child(disk, 'throttlefilters'), 'throttlefilter').length > 0;
}

export const diskChecks: readonly Check[] = [
  check(
    /^disk\.(cache|io|discard|detectZeroes|queues|queueSize|iothreads?)$/,
    (_, { setting, target }, { facts }) =>
      facts.disks.find((disk) => disk.target === target)?.source?.kind === 'vhostuser'
        ? {
            code: 'DISK_ELSEWHERE',
            text: `${target} is served by another process (vhost-user), which ${setting.id} does not reach`,
          }
        : undefined,
  ),
  check(/^disk\.io$/, (_, { target }, { facts }) => {
    const kind = facts.disks.find((disk) => disk.target === target)?.source?.kind;
    return kind === undefined || !OWN_IO.has(kind)
      ? undefined
      : {
          code: 'IO_OF_ITS_OWN',
          text: `${target} is a disk of type ${kind}, whose I/O QEMU does in its own way: libvirt would take the word, and nothing would come of it`,
        };
  }),
  check(/^disk\.bus$/, (value, { target }, { state: { capabilities } }) =>
    capabilities === undefined || capabilities.diskBuses.size === 0 || capabilities.diskBuses.has(value)
      ? undefined
      : { code: 'BUS_UNSUPPORTED', text: `this domain's emulator has no ${value} bus for ${target}` },
  ),
  check(/^disk\.io$/, (value, { target }, view) => needsDirect(value, view.will('disk.cache', target))),
  {
    // What stays as it is may stand against what changes.
    of: /^disk\.cache$/,
    find: ({ value, target }, view) =>
      view.wished('disk.io', target) ? undefined : needsDirect(view.will('disk.io', target), value),
  },
  check(/^disk\.(queues|queueSize|iothread|iothreads)$/, needsVirtio),
  check(/^(disk|scsi)\.queues$/, (value, { setting, target }, view) =>
    Number(value) <= vcpusOf(view)
      ? undefined
      : {
          code: 'QUEUES_EXCEED_VCPUS',
          text: `${value} queues of ${deviceOf(setting.id, target)} are more than its ${vcpusOf(view)} vCPUs: some would never be used, and Windows fares badly with them`,
          next: '"= vCPUs" follows their number',
        },
  ),
  check(/^disk\.detectZeroes$/, (value, { target }, view) =>
    value !== 'unmap' || view.will('disk.discard', target) === 'unmap'
      ? undefined
      : {
          code: 'ZEROES_NEED_DISCARD',
          text: `zeroes of ${target} are to be discarded, and it does not pass discards on`,
          next: 'disk.discard: unmap',
        },
  ),
  check(/^(disk|scsi)\.iothreads?$/, (value, _, view) => unknownIoThread(value, view)),
  check(/^(disk|scsi)\.iothreads?$/, (_, { setting, target }, { root }) => {
    const type = attr(child(targetElement(root, setting.on, target), 'address'), 'type');
    return type === undefined || type === 'pci' || type === 'ccw'
      ? undefined
      : {
          code: 'IOTHREAD_ADDRESS',
          text: `iothreads serve disks on PCI and CCW, and ${target} is on ${type}`,
        };
  }),
  check(/^(disk|scsi)\.iothreads$/, (value, { setting, target }, view) => {
    const queuesId = setting.id.replace('iothreads', 'queues');
    const queues = Number(view.will(queuesId, target) ?? vcpusOf(view));
    return mappedTo(value).length <= queues
      ? undefined
      : {
          code: 'IOTHREADS_EXCEED_QUEUES',
          text: `${deviceOf(setting.id, target)} has ${queues} queues to share out over ${mappedTo(value).length} iothreads`,
        };
  }),
  check(/^disk\.iotune\./, (_, { setting, target }, { root, state }) =>
    [root, state.live?.root].some((each) => hasThrottleFilters(each, target))
      ? {
          code: 'THROTTLE_FILTERS',
          text: `${setting.id} is unsupported for ${target}: the limits of the disk come from throttle groups, and libvirt takes no iotune beside its throttlefilters`,
          next: 'limit its throttle group (virsh domthrottlegroupset), or take throttlefilters out of the disk',
        }
      : undefined,
  ),
  check(/^disk\.iotune\.(total|read|write)(Bytes|Iops)Sec(Max)?$/, (_, { setting, target }, view) => {
    const [, direction, rest] = /^disk\.iotune\.(total|read|write)(.*)$/.exec(setting.id) ?? [];
    const others = direction === 'total' ? ['read', 'write'] : ['total'];
    const other = others.find((each) => view.will(`disk.iotune.${each}${rest}`, target) !== undefined);
    return other === undefined
      ? undefined
      : {
          code: 'IOTUNE_TOTAL_AND_PARTS',
          text: `${target} cannot have a limit for ${direction} and one for ${other} at once`,
          next: 'limit the total, or reads and writes each',
        };
  }),
  check(/^disk\.iotune\..*Max$/, (value, { setting, target }, view) => {
    const base = view.will(setting.id.replace(/Max$/, ''), target);
    return base !== undefined && Number(base) <= Number(value)
      ? undefined
      : {
          code: 'IOTUNE_BURST',
          text: `a burst of ${value} needs a limit that it is at least as high as, and ${target} has ${base ?? 'none'}`,
        };
  }),
  check(/^disk\.iotune\..*MaxLength$/, (_, { setting, target }, view) =>
    view.will(setting.id.replace(/Length$/, ''), target) === undefined
      ? { code: 'IOTUNE_BURST', text: `${target} has no burst that could last` }
      : undefined,
  ),
  {
    of: /^disk\.iotune\.(total|read|write)(Bytes|Iops)Sec$/,
    find: ({ value, setting, target }, view) =>
      value === undefined && view.will(`${setting.id}Max`, target) !== undefined
        ? {
            code: 'IOTUNE_BURST',
            text: `the burst of ${target} would be left without a limit`,
            next: `${setting.id}Max: default`,
          }
        : undefined,
  },
  check(/^disk\.iotune\.group$/, (_, { target }, view) =>
    iotuneSettings.some(({ id }) => !/Max|sizeIops|group/.test(id) && view.will(id, target) !== undefined)
      ? undefined
      : { code: 'IOTUNE_GROUP_ALONE', text: `${target} has no limit that its group could share` },
  ),
];

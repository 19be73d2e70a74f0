import { attr, child, children, type Element } from '../../../model/xml.ts';
import type { Problem } from '../../errors.ts';
import { MEASURED_BUSES } from '../../settings/disk-statistics.ts';
import { iotuneSettings } from '../../settings/iotune.ts';
import type { Wish } from '../../settings/setting.ts';
import { targetElement } from '../../settings/targets.ts';
import { type Check, type CheckView, check } from './check.ts';

const DIRECT = new Set(['none', 'directsync']);

/** Sources that are neither files nor block devices of the host. */
const OWN_IO = new Set(['network', 'nvme', 'dir']);

function needsDirect(io: string | undefined, cache: string | undefined): Problem | undefined {
  return io !== 'native' || (cache !== undefined && DIRECT.has(cache))
    ? undefined
    : {
        code: 'IO_NEEDS_DIRECT',
        text: `io=native bypasses the page cache of the host, but the cache mode is ${cache ?? 'the default of QEMU, writeback'}`,
        next: 'set disk.cache: none, or disk.io: threads',
      };
}

/**
 * XML of a disk that libvirt rejects on virtio (qemuValidateDomainDeviceDefDiskFrontend, virDomainDiskDefValidate). Not
 * dropped: guests find the disk by names that udev derives from it (/dev/disk/by-id).
 */
function notOnVirtio(disk: Element | undefined): string[] {
  const elements = ['wwn', 'vendor', 'product'].filter((name) => child(disk, name) !== undefined);
  const ofTarget = ['rotation_rate', 'removable'].filter(
    (name) => attr(child(disk, 'target'), name) !== undefined,
  );
  return [...elements.map((name) => `<${name}>`), ...ofTarget.map((name) => `<target ${name}>`)];
}

/** Settings that only virtio-blk supports. */
function needsVirtio(_: string, { setting, target }: Wish, view: CheckView): Problem | undefined {
  const bus = view.will('disk.bus', target);
  if (bus === 'virtio') return undefined;
  const controller = bus === 'scsi' && setting.id !== 'disk.queueSize';
  return {
    code: 'BUS_NOT_VIRTIO',
    text: `${setting.id} is for virtio disks, but ${target} is on ${bus ?? 'an unknown bus'}`,
    next: controller
      ? 'for virtio-scsi, set it on the controller: scsi.queues, scsi.iothread'
      : 'move the disk to virtio once the guest has the driver (disk.bus), with --accept disk.bus',
  };
}

/** QEMU counts requests by size only if their rate is limited (throttle_is_valid). */
const hasIopsLimit = (target: string, view: CheckView): boolean =>
  ['total', 'read', 'write'].some((way) => view.will(`disk.iotune.${way}IopsSec`, target) !== undefined);

/** Since libvirt 11.2, a disk can refer to throttle groups of the domain. */
function hasThrottleFilters(root: Element | undefined, target: string): boolean {
  const disk = root && targetElement(root, 'disk', target);
  return children(child(disk, 'throttlefilters'), 'throttlefilter').length > 0;
}

export const diskChecks: readonly Check[] = [
  check(/^disk\.bus$/, (value, { target }, { root }) => {
    const refused = value === 'virtio' ? notOnVirtio(targetElement(root, 'disk', target)) : [];
    return refused.length === 0
      ? undefined
      : {
          code: 'BUS_REFUSES_ELEMENT',
          text: `disk.bus: virtio is unsupported for ${target}: libvirt refuses ${refused.join(', ')} on a virtio disk`,
          next: 'let the guest identify the disk by file system UUID, then remove these from the definition (virsh edit)',
        };
  }),
  check(
    /^disk\.(cache|io|discard|detectZeroes|queues|queueSize|iothreads?|statisticsIntervals|latencyBins|iotune\..+)$/,
    (_, { setting, target }, { facts }) =>
      facts.disks.find((disk) => disk.target === target)?.source?.kind === 'vhostuser'
        ? {
            code: 'DISK_ELSEWHERE',
            text: `another process serves ${target} (vhost-user): ${setting.id} has no effect there`,
          }
        : undefined,
  ),
  check(/^disk\.io$/, (_, { target }, { facts }) => {
    const kind = facts.disks.find((disk) => disk.target === target)?.source?.kind;
    return kind === undefined || !OWN_IO.has(kind)
      ? undefined
      : {
          code: 'IO_OF_ITS_OWN',
          text: `${target} is a disk of type ${kind}, for which QEMU ignores the I/O mode: libvirt would accept it without effect`,
        };
  }),
  check(/^disk\.bus$/, (value, { target }, { state: { capabilities } }) =>
    capabilities === undefined || capabilities.diskBuses.size === 0 || capabilities.diskBuses.has(value)
      ? undefined
      : { code: 'BUS_UNSUPPORTED', text: `the emulator of this domain has no ${value} bus for ${target}` },
  ),
  check(/^disk\.io$/, (value, { target }, view) => needsDirect(value, view.will('disk.cache', target))),
  {
    // An unchanged setting may conflict with the new one.
    of: /^disk\.cache$/,
    find: ({ value, target }, view) =>
      view.wished('disk.io', target) ? undefined : needsDirect(view.will('disk.io', target), value),
  },
  check(/^disk\.(queues|queueSize|iothread|iothreads)$/, needsVirtio),
  check(/^disk\.(statisticsIntervals|latencyBins)$/, (_, { setting, target }, view) => {
    const bus = view.will('disk.bus', target);
    return bus === undefined || MEASURED_BUSES.has(bus)
      ? undefined
      : {
          code: 'BUS_NOT_MEASURED',
          text: `${setting.id} is unsupported for ${target}: libvirt collects no such statistics of disks on bus ${bus}`,
        };
  }),
  check(/^disk\.detectZeroes$/, (value, { target }, view) =>
    value !== 'unmap' || view.will('disk.discard', target) === 'unmap'
      ? undefined
      : {
          code: 'ZEROES_NEED_DISCARD',
          text: `detected zeroes of ${target} should be discarded, but the disk does not pass on discards`,
          next: 'set disk.discard: unmap',
        },
  ),
  check(/^disk\.iotune\./, (_, { setting, target }, { root, state }) =>
    [root, state.live?.root].some((each) => hasThrottleFilters(each, target))
      ? {
          code: 'THROTTLE_FILTERS',
          text: `${setting.id} is unsupported for ${target}: throttle groups limit this disk, and libvirt does not accept iotune together with throttlefilters`,
          next: 'limit its throttle group (virsh domthrottlegroupset), or remove throttlefilters from the disk',
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
          text: `${target} cannot have limits for ${direction} and ${other} at the same time`,
          next: 'limit either the total, or reads and writes separately',
        };
  }),
  check(/^disk\.iotune\..*Max$/, (value, { setting, target }, view) => {
    const base = view.will(setting.id.replace(/Max$/, ''), target);
    return base !== undefined && Number(base) <= Number(value)
      ? undefined
      : {
          code: 'IOTUNE_BURST',
          text: `a burst of ${value} requires a base limit of at most ${value}, but that of ${target} is ${base ?? 'not set'}`,
        };
  }),
  check(/^disk\.iotune\..*MaxLength$/, (_, { setting, target }, view) =>
    view.will(setting.id.replace(/Length$/, ''), target) === undefined
      ? { code: 'IOTUNE_BURST', text: `${target} has no burst limit that a duration could apply to` }
      : undefined,
  ),
  {
    of: /^disk\.iotune\.(total|read|write)(Bytes|Iops)Sec$/,
    find: ({ value, setting, target }, view) =>
      value === undefined && view.will(`${setting.id}Max`, target) !== undefined
        ? {
            code: 'IOTUNE_BURST',
            text: `the burst limit of ${target} would remain without a base limit`,
            next: `set ${setting.id}Max: default`,
          }
        : undefined,
  },
  check(/^disk\.iotune\.group$/, (_, { target }, view) =>
    iotuneSettings.some(({ id }) => !/Max|sizeIops|group/.test(id) && view.will(id, target) !== undefined)
      ? undefined
      : {
          code: 'IOTUNE_GROUP_ALONE',
          text: `${target} has no limit that its group could share; set a limit too`,
        },
  ),
  check(/^disk\.iotune\.sizeIopsSec$/, (_, { target }, view) =>
    hasIopsLimit(target, view)
      ? undefined
      : {
          code: 'IOTUNE_SIZE_ALONE',
          text: `the request size of ${target} cannot be set without an IOPS limit: QEMU refuses that`,
          next: 'set a limit too: disk.iotune.totalIopsSec, or readIopsSec and writeIopsSec',
        },
  ),
  {
    of: /^disk\.iotune\.(total|read|write)IopsSec$/,
    find: ({ value, target }, view) =>
      value === undefined &&
      view.will('disk.iotune.sizeIopsSec', target) !== undefined &&
      !hasIopsLimit(target, view)
        ? {
            code: 'IOTUNE_SIZE_ALONE',
            text: `the request size of ${target} would remain without an IOPS limit, which QEMU refuses`,
            next: 'set disk.iotune.sizeIopsSec: default',
          }
        : undefined,
  },
];

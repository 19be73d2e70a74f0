import { attr, child, children, type Element } from '../../model/xml.ts';
import { attributeSetting, custom } from './declare.ts';
import { findPath, putAttribute, removePath } from './edit.ts';
import { queueMapping } from './queue-mapping.ts';
import type { Setting } from './setting.ts';
import { scsiControllers } from './targets.ts';
import { whole } from './values.ts';

// None of these can change live. libvirt rejects changes to cache, io, discard and iothread; queues, queue_size and
// detect_zeroes are worse: virDomainUpdateDeviceFlags reports success and changes nothing (seen with libvirt 9.0).

const DRIVER = ['driver'] as const;

function driverSetting(
  id: string,
  title: string,
  attribute: string,
  canonical?: (text: string) => string | undefined,
): Setting {
  return attributeSetting({ id, title, on: 'disk', path: DRIVER, attribute, canonical });
}

/** Another bus needs another kind of address, which libvirt then assigns. */
const bus: Setting = custom({
  id: 'disk.bus',
  title: 'disk bus that the guest sees',
  on: 'disk',
  path: ['target'],
  read: (target) => attr(target, 'bus'),
  write: (disk, value) => {
    const before = attr(child(disk, 'target'), 'bus');
    putAttribute(disk, ['target'], 'bus', value);
    if (before !== value) removePath(disk, ['address']);
  },
});

export const diskSettings = [
  bus,
  driverSetting('disk.cache', 'disk cache mode', 'cache', (value) =>
    value === 'default' ? undefined : value,
  ),
  driverSetting('disk.io', 'disk I/O mode', 'io'),
  driverSetting(
    'disk.discard',
    'discard mode: blocks that the guest discards return to the storage',
    'discard',
  ),
  driverSetting('disk.detectZeroes', 'detection of written zeroes', 'detect_zeroes'),
  driverSetting('disk.queues', 'disk queues', 'queues', whole),
  driverSetting('disk.queueSize', 'disk queue size, requests', 'queue_size', whole),
  driverSetting('disk.iothread', 'iothread of the disk', 'iothread', whole),
  queueMapping('disk.iothreads', 'iothreads that share the queues of the disk', 'disk'),
] as const;

/** A device that uses an iothread. */
export interface IoThreadUser {
  readonly id: string;
  /** The device, as text for users: `vda`, `scsi controller 0`. */
  readonly user: string;
  /** The settings that can change it, and their target; undefined if none can. */
  readonly settings: { readonly target: string; readonly one: string; readonly several: string } | undefined;
}

/** Iothreads in use by devices, both disks and SCSI controllers. */
export function ioThreadUsers(domain: Element): IoThreadUser[] {
  const devices = child(domain, 'devices');
  const of = (element: Element, user: string, settings: IoThreadUser['settings']): IoThreadUser[] => {
    const driver = findPath(element, DRIVER);
    const mapped = children(child(driver, 'iothreads'), 'iothread').map((each) => attr(each, 'id'));
    return [attr(driver, 'iothread'), ...mapped].flatMap((id) =>
      id === undefined ? [] : [{ id: whole(id) ?? id, user, settings }],
    );
  };
  const scsi = scsiControllers(domain);
  return [
    ...children(devices, 'disk').flatMap((disk) => {
      const target = attr(child(disk, 'target'), 'dev') ?? '?';
      return of(disk, target, { target, one: 'disk.iothread', several: 'disk.iothreads' });
    }),
    ...children(devices, 'controller').flatMap((each) => {
      const target = scsi.find(({ element }) => element === each)?.index;
      const settings = target && { target, one: 'scsi.iothread', several: 'scsi.iothreads' };
      return of(
        each,
        `${attr(each, 'type') ?? ''} controller ${attr(each, 'index') ?? ''}`,
        settings || undefined,
      );
    }),
  ];
}

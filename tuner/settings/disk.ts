import { CpuSet } from '../../model/cpu-set.ts';
import { attr, child, children, type Element, wholeNumber } from '../../model/xml.ts';
import { attributeSetting, custom } from './declare.ts';
import { append, ensurePath, findPath, putAttribute, remove, removePath } from './edit.ts';
import type { Setting } from './setting.ts';
import { cpuNumbers, whole } from './values.ts';

// Nothing here changes while the domain runs. cache, io, discard and iothread are refused; queues, queue_size and
// detect_zeroes are worse: virDomainUpdateDeviceFlags answers success, and changes nothing (seen with libvirt 9.0).

const DRIVER = ['driver'] as const;

function driverSetting(
  id: string,
  title: string,
  attribute: string,
  canonical?: (text: string) => string | undefined,
): Setting {
  return attributeSetting({ id, title, on: 'disk', path: DRIVER, attribute, canonical });
}

/** `1-4`: spread over these by QEMU; with queues of their own, `1=0-1 2=2-3`. libvirt 10.0. */
const ioThreads: Setting = custom({
  id: 'disk.iothreads',
  title: "iothreads that share the disk's queues",
  on: 'disk',
  path: ['driver', 'iothreads'],
  read: (element) => {
    const each = children(element, 'iothread').map((one) => ({
      id: whole(attr(one, 'id')) ?? '',
      queues: children(one, 'queue').flatMap((queue) => wholeNumber(attr(queue, 'id')) ?? []),
    }));
    if (each.length === 0) return undefined;
    if (each.every(({ queues }) => queues.length === 0)) {
      return CpuSet.of(each.map(({ id }) => Math.min(Number(id), 8_191))).toString();
    }
    return each.map(({ id, queues }) => (queues.length === 0 ? id : `${id}=${CpuSet.of(queues)}`)).join(' ');
  },
  write: (disk, value) => {
    if (value === undefined) {
      removePath(disk, ['driver', 'iothreads']);
      return;
    }
    const element = ensurePath(disk, ['driver', 'iothreads']);
    for (const old of children(element, 'iothread')) remove(old);
    for (const { id, queues } of mapping(value)) {
      const one = append(element, 'iothread');
      one.setAttribute('id', id);
      for (const queue of queues) append(one, 'queue').setAttribute('id', String(queue));
    }
  },
});

function mapping(value: string): { readonly id: string; readonly queues: CpuSet }[] {
  if (!value.includes('=') && !value.includes(' ')) {
    return [...cpuNumbers(value)].map((id) => ({ id: String(id), queues: CpuSet.empty }));
  }
  return value.split(' ').map((word) => {
    const [id = '', queues] = word.split('=');
    return { id, queues: cpuNumbers(queues) };
  });
}

/** Another bus has another kind of address, which libvirt gives it anew. */
const bus: Setting = custom({
  id: 'disk.bus',
  title: 'bus that the guest sees the disk on',
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
  driverSetting('disk.cache', 'host cache of the disk', 'cache', (value) =>
    value === 'default' ? undefined : value,
  ),
  driverSetting('disk.io', "how QEMU does the disk's I/O", 'io'),
  driverSetting('disk.discard', 'whether discarded blocks are given back', 'discard'),
  driverSetting('disk.detectZeroes', 'whether written zeroes are looked for', 'detect_zeroes'),
  driverSetting('disk.queues', 'queues of the disk', 'queues', whole),
  driverSetting('disk.queueSize', 'requests that a queue holds', 'queue_size', whole),
  driverSetting('disk.iothread', "iothread that does the disk's I/O", 'iothread', whole),
  ioThreads,
] as const;

/** Iothreads that devices use, disks and SCSI controllers alike, with the devices' names. */
export function ioThreadUsers(
  domain: Element,
): { readonly id: string; readonly user: string; readonly disk: boolean }[] {
  const devices = child(domain, 'devices');
  const of = (
    element: Element,
    user: string,
    disk: boolean,
  ): { id: string; user: string; disk: boolean }[] => {
    const driver = findPath(element, DRIVER);
    const mapped = children(child(driver, 'iothreads'), 'iothread').map((each) => attr(each, 'id'));
    return [attr(driver, 'iothread'), ...mapped].flatMap((id) =>
      id === undefined ? [] : [{ id: whole(id) ?? id, user, disk }],
    );
  };
  return [
    ...children(devices, 'disk').flatMap((disk) => of(disk, attr(child(disk, 'target'), 'dev') ?? '?', true)),
    ...children(devices, 'controller').flatMap((each) =>
      of(each, `${attr(each, 'type') ?? ''} controller ${attr(each, 'index') ?? ''}`, false),
    ),
  ];
}

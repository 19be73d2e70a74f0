import { attr, child, children, type Element, text, wholeNumber } from '../xml.ts';
import {
  groupsOfFilters,
  lowestLimits,
  parseLimits,
  parseThrottleGroups,
  type ThrottleGroup,
} from './disk-limits.ts';
import { pciAddress } from './pci-address.ts';
import { queueIoThreads } from './queue-mapping.ts';

export interface DiskSource {
  /** `file`, `block`, `network`, `volume`, `dir`, `nvme`, `vhostuser`, `vhostvdpa`: the disk's type. */
  readonly kind: string;
  /** A path, `protocol:name` (`protocol:host:port` without a name), `pool/volume`, or `PCI-address/namespace`. */
  readonly name: string;
  /** `rbd`, `iscsi`, ...; network disks only. */
  readonly protocol?: string | undefined;
}

export interface Disk {
  /** `vda`: the name inside libvirt, which statistics carry. */
  readonly target: string;
  readonly alias: string | undefined;
  readonly device: string;
  readonly bus: string | undefined;
  /** Absent for an empty CD-ROM drive. */
  readonly source: DiskSource | undefined;
  /** `qemu`: the driver's name. */
  readonly driver: string | undefined;
  readonly format: string | undefined;
  readonly serial: string | undefined;
  readonly cache: string | undefined;
  readonly io: string | undefined;
  readonly discard: string | undefined;
  readonly detectZeroes: string | undefined;
  readonly queues: number | undefined;
  /** Ids of the iothreads that serve it: its own, those that its queues are mapped to, or its SCSI controller's. */
  readonly ioThreads: readonly number[] | undefined;
  /** By queue, where its queues or those of its SCSI controller are mapped to iothreads; absent in older recordings. */
  readonly queueIoThreads?: ReadonlyMap<number, number> | undefined;
  readonly readOnly: boolean;
  readonly shareable: boolean;
  /** Images below the top one; known only from the XML of a running domain. */
  readonly backingDepth: number;
  /** These images, from the top down; '' where the XML does not name one. Absent in older recordings. */
  readonly backing?: readonly DiskSource[] | undefined;
  /**
   * The disk's limits, by libvirt's names (`total_bytes_sec`, `read_iops_sec_max`, ...); 0: unlimited. With throttle
   * groups, the lowest of theirs.
   */
  readonly limits: ReadonlyMap<string, number>;
  /** Disks with the same group share their limits; absent in older recordings. */
  readonly limitGroup?: string | undefined;
  /** Those that its `<throttlefilters>` name; libvirt refuses `<iotune>` in addition. Absent in older recordings. */
  readonly throttleGroups?: readonly ThrottleGroup[] | undefined;
}

/** Older recordings have at most one iothread, as `ioThread`. */
export function ioThreadsOf(disk: Disk & { readonly ioThread?: number | undefined }): readonly number[] {
  return disk.ioThreads ?? (disk.ioThread === undefined ? [] : [disk.ioThread]);
}

export function parseDisks(domain: Element): Disk[] {
  const devices = child(domain, 'devices');
  const groups = parseThrottleGroups(domain);
  return children(devices, 'disk').flatMap((element) => {
    const target = attr(child(element, 'target'), 'dev');
    // Without a target, libvirt has no name for the disk either, and no statistics.
    return target === undefined ? [] : [disk(element, target, devices, groups)];
  });
}

function disk(
  element: Element,
  target: string,
  devices: Element | undefined,
  groups: ReadonlyMap<string, ThrottleGroup>,
): Disk {
  const driver = child(element, 'driver');
  const served = servedBy(element, devices);
  const backing = backingImages(element);
  const throttleGroups = groupsOfFilters(element, groups);
  return {
    target,
    alias: attr(child(element, 'alias'), 'name'),
    device: attr(element, 'device') ?? 'disk',
    bus: attr(child(element, 'target'), 'bus'),
    source: source(attr(element, 'type') ?? 'file', child(element, 'source')),
    driver: attr(driver, 'name'),
    format: attr(driver, 'type'),
    serial: text(child(element, 'serial')),
    cache: attr(driver, 'cache'),
    io: attr(driver, 'io'),
    discard: attr(driver, 'discard'),
    detectZeroes: attr(driver, 'detect_zeroes'),
    queues: wholeNumber(attr(driver, 'queues')),
    ioThreads: served.flatMap(driverIoThreads),
    queueIoThreads: served[0] && queueIoThreads(served[0]),
    readOnly: child(element, 'readonly') !== undefined,
    shareable: child(element, 'shareable') !== undefined,
    backingDepth: backing.length,
    backing,
    limits: throttleGroups ? lowestLimits(throttleGroups) : parseLimits(child(element, 'iotune')),
    limitGroup: text(child(element, 'iotune', 'group_name')),
    throttleGroups,
  };
}

/** SCSI disks use their virtio-scsi controller's iothreads. Queue mapping: since libvirt 10.0; controllers: 11.2. */
function servedBy(disk: Element, devices: Element | undefined): Element[] {
  if (driverIoThreads(disk).length > 0 || attr(child(disk, 'target'), 'bus') !== 'scsi') return [disk];
  const index = wholeNumber(attr(child(disk, 'address'), 'controller')) ?? 0;
  const controller = children(devices, 'controller').find(
    (each) => attr(each, 'type') === 'scsi' && (wholeNumber(attr(each, 'index')) ?? 0) === index,
  );
  return controller === undefined ? [] : [controller];
}

function driverIoThreads(device: Element): number[] {
  const driver = child(device, 'driver');
  const mapped = children(child(driver, 'iothreads'), 'iothread').map((each) => attr(each, 'id'));
  return [attr(driver, 'iothread'), ...mapped].flatMap((id) => wholeNumber(id) ?? []);
}

/**
 * Where an image is stored, by the kinds of <source> in
 * https://libvirt.org/formatdomain.html#hard-drives-floppy-disks-cdroms. No credentials become part of the name: no
 * user, cookie, secret or query.
 */
function source(kind: string, element: Element | undefined): DiskSource | undefined {
  if (element === undefined) return undefined;
  const protocol = kind === 'network' ? attr(element, 'protocol') : undefined;
  const name = (): string | undefined => {
    switch (kind) {
      case 'block':
      case 'vhostvdpa':
        return attr(element, 'dev');
      case 'network':
        return networkName(protocol, element);
      case 'volume':
        return `${attr(element, 'pool') ?? ''}/${attr(element, 'volume') ?? ''}`;
      case 'dir':
        return attr(element, 'dir');
      case 'nvme':
        return nvmeName(element);
      default:
        return attr(element, 'file') ?? attr(element, 'path');
    }
  };
  const found = name();
  return found === undefined ? undefined : { kind, name: found, ...(protocol !== undefined && { protocol }) };
}

function networkName(protocol: string | undefined, element: Element): string | undefined {
  // A URL's query has a separate attribute, but may also be in the name, and may carry a token.
  const name = attr(element, 'name')?.replace(/[?#].*$/s, '');
  const host = child(element, 'host');
  const [address, port] = [attr(host, 'name'), attr(host, 'port')];
  // An NBD export needs no name; then only the server identifies it.
  const server = attr(host, 'socket') ?? (port === undefined ? address : `${address ?? ''}:${port}`);
  const parts = [protocol, name || server].filter((part) => part !== undefined && part !== '');
  return parts.length === 0 ? undefined : parts.join(':');
}

function nvmeName(element: Element): string | undefined {
  const address = pciAddress(child(element, 'address'));
  const namespace = attr(element, 'namespace');
  return address === undefined || namespace === undefined ? address : `${address}/${namespace}`;
}

function backingImages(element: Element): DiskSource[] {
  const images: DiskSource[] = [];
  for (
    let below = child(element, 'backingStore');
    below !== undefined;
    below = child(below, 'backingStore')
  ) {
    // An empty <backingStore/> ends the chain.
    const from = child(below, 'source');
    if (from === undefined) break;
    const kind = attr(below, 'type') ?? 'file';
    images.push(source(kind, from) ?? { kind, name: '' });
  }
  return images;
}

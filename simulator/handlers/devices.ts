import { ErrorCode, Impact } from '../../libvirt/constants.ts';
import { attr, child, children, type Element, ModelXmlError, parseXml, text } from '../../model/xml.ts';
import { CallFailure } from '../call-failure.ts';
import type { Description } from '../description.ts';
import { nicOf } from '../parameters/bandwidth.ts';
import { diskOf } from '../parameters/block.ts';
import type { Release } from '../release.ts';
import { normalise } from '../xml/definition.ts';
import { adopt, remove, setAttr } from '../xml/edit.ts';
import { formatDomain } from '../xml/format.ts';
import { checkRules } from '../xml/rules.ts';
import { checkShape } from '../xml/schema.ts';
import { find, type Handlers, invalid, requireActive } from './context.ts';
import { affected } from './impact.ts';

const refuse = (message: string): CallFailure =>
  new CallFailure(ErrorCode.operationUnsupported, `Operation not supported: ${message}`);
const unsupported = (message: string, from: number): CallFailure =>
  new CallFailure(ErrorCode.configUnsupported, `unsupported configuration: ${message}`, from);

/**
 * Attributes that libvirt compares when a running disk is updated (qemuDomainDiskChangeSupported). Other differences
 * are silently ignored: number and size of queues, zero detection, the format.
 */
const DISK_DRIVER_FIELDS = [
  ...['cache', 'error_policy', 'rerror_policy', 'io', 'ioeventfd', 'event_idx', 'copy_on_read', 'discard'],
  'iothread',
];
const REMOVABLE = ['cdrom', 'floppy'];

function updateLiveDisk(is: Element, wanted: Element): void {
  const driver = (disk: Element, name: string): string | undefined => attr(child(disk, 'driver'), name);
  const bus = (disk: Element): string | undefined => attr(child(disk, 'target'), 'bus');
  if (bus(is) !== bus(wanted)) throw refuse("cannot modify field 'bus' of the disk");
  const changed = DISK_DRIVER_FIELDS.find((field) => driver(is, field) !== driver(wanted, field));
  if (changed !== undefined) throw refuse(`cannot modify field '${changed}' of the disk`);
  if (text(child(is, 'serial')) !== text(child(wanted, 'serial')))
    throw refuse("cannot modify field 'serial' of the disk");
  const file = (disk: Element): string | undefined => attr(child(disk, 'source'), 'file');
  if (file(is) === file(wanted)) return;
  if (!REMOVABLE.includes(attr(is, 'device') ?? ''))
    throw unsupported('disk source can be changed only in removable drives', 10);
  remove(child(is, 'source'));
  const source = child(wanted, 'source');
  if (source !== undefined) adopt(is, source);
}

/** Elements of a NIC that can be changed while it runs. */
const NIC_LIVE = ['link', 'bandwidth', 'filterref'];

function updateLiveNic(is: Element, wanted: Element): void {
  const model = (nic: Element): string | undefined => attr(child(nic, 'model'), 'type');
  if (model(is) !== model(wanted))
    throw refuse(`cannot modify network device model from ${model(is)} to ${model(wanted)}`);
  const driver = (nic: Element): string =>
    JSON.stringify(
      [...(child(nic, 'driver')?.attributes ?? [])].map(({ name, value }) => [name, value]).sort(),
    );
  if (driver(is) !== driver(wanted)) throw refuse('cannot modify virtio network device driver attributes');
  if (attr(child(is, 'mtu'), 'size') !== attr(child(wanted, 'mtu'), 'size'))
    throw refuse('cannot modify MTU');
  for (const name of NIC_LIVE) {
    remove(child(is, name));
    const part = child(wanted, name);
    if (part !== undefined) adopt(is, part);
  }
}

const KINDS = {
  disk: {
    update: updateLiveDisk,
    find: (domain: Element, device: Element) => diskOf(domain, attr(child(device, 'target'), 'dev') ?? ''),
    missing: (device: Element) =>
      new CallFailure(
        ErrorCode.internal,
        `internal error: disk '${attr(child(device, 'target'), 'dev')}' not found`,
      ),
  },
  interface: {
    update: updateLiveNic,
    find: (domain: Element, device: Element) => nicOf(domain, attr(child(device, 'mac'), 'address') ?? ''),
    missing: (device: Element) =>
      new CallFailure(
        ErrorCode.deviceMissing,
        `device not found: no device found matching MAC address '${attr(child(device, 'mac'), 'address')}'`,
        20,
      ),
  },
} as const;

function parseDevice(xml: string): Element {
  const [, root = ''] = /^\s*<([^\s/>]+)/.exec(xml) ?? [];
  try {
    return parseXml('(device_definition)', xml, root);
  } catch (error) {
    if (!(error instanceof ModelXmlError)) throw error;
    throw new CallFailure(35, error.message, 20);
  }
}

export const deviceHandlers: Handlers = {
  domainSetBlockThreshold(context, { domain, device, thresholdBytes }) {
    const vm = find(context, domain);
    requireActive(vm);
    if (!vm.facts.disks.some(({ target }) => target === device)) throw invalid(`invalid path: ${device}`);
    vm.blockThresholds.set(device, Number(thresholdBytes));
    return undefined;
  },
  domainUpdateDeviceFlags(context, { domain, xml, flags }) {
    const vm = find(context, domain);
    const device = parseDevice(xml);
    const name = device.nodeName;
    const { live, config } = affected(vm, flags & (Impact.live | Impact.config));
    if (name !== 'disk' && name !== 'interface') {
      const known = children(child((live ?? config)?.read(), 'devices'), name).length > 0;
      throw known
        ? unsupported(`live update of device '${name}' is not supported`, 10)
        : unsupported(`unknown device type '${name}'`, 20);
    }
    const nextConfig =
      config &&
      formatDomain(normalise(formatDomain(withDevice(config, device)), asStored(context.host.release)));
    const nextLive = live && liveUpdate(live, device, context.host.release);
    if (nextConfig !== undefined) config?.replace(nextConfig);
    if (nextLive !== undefined) live?.replace(nextLive);
    return undefined;
  },
};

/** The description with the matching device replaced. @throws CallFailure when there is none. */
function withDevice(description: Description, device: Element): Element {
  const root = description.read();
  const is = kindOf(device).find(root, device);
  if (is === undefined) throw kindOf(device).missing(device);
  const copy = adopt(is.parentNode as Element, device);
  remove(is);
  forgetRun(copy);
  return root;
}

/** Parsed with libvirt's checks before it is compared with the running device. */
function liveUpdate(live: Description, device: Element, release: Release): string {
  const asWanted = withDevice(live, device);
  checkShape(asWanted, { release, validate: false });
  checkRules(asWanted, release);
  const root = live.read();
  const is = kindOf(device).find(root, device);
  if (is !== undefined) kindOf(device).update(is, device);
  return formatDomain(root);
}

const kindOf = ({ nodeName }: Element): (typeof KINDS)[keyof typeof KINDS] =>
  KINDS[nodeName === 'disk' ? 'disk' : 'interface'];

/** A defined domain always has a UUID. */
const asStored = (release: Release) => ({ release, validate: false, newUuid: () => '' });

/** Removes aliases and names given by the host, which a definition does not contain. */
function forgetRun(device: Element): void {
  remove(child(device, 'alias'));
  remove(child(device, 'backingStore'));
  const source = child(device, 'source');
  if (source !== undefined) setAttr(source, 'index', undefined);
  if (device.nodeName === 'interface') remove(child(device, 'target'));
}

import { attr, child, children, type Element, wholeNumber } from '../../model/xml.ts';
import { add } from './edit.ts';

/**
 * Assigns addresses to all devices without one. libvirt puts PCI devices of a Q35 machine behind separate root ports;
 * here all are on the root bus, which libvirt would accept as well.
 */
export function assignAddresses(devices: Element): void {
  // The slots of the bridge and the video card.
  const slots = new Set<number>([0, 1]);
  for (const address of [...devices.getElementsByTagName('address')]) {
    if (attr(address, 'type') === 'pci') slots.add(Number(attr(address, 'slot') ?? 0));
  }
  for (const device of children(devices)) {
    if (child(device, 'address') !== undefined) continue;
    const kind = placeOf(device);
    if (kind === 'pci') placeOnPci(device, slots);
    else if (kind === 'drive') placeDrive(device, devices);
    else if (kind === 'virtio-serial') placePort(device, devices);
  }
}

function placeOf(device: Element): 'pci' | 'drive' | 'virtio-serial' | undefined {
  const bus = attr(child(device, 'target'), 'bus');
  switch (device.nodeName) {
    case 'disk':
      return bus === 'virtio' ? 'pci' : bus === 'usb' ? undefined : 'drive';
    case 'channel':
      return attr(child(device, 'target'), 'type') === 'virtio' ? 'virtio-serial' : undefined;
    case 'controller':
      return isRoot(device) ? undefined : 'pci';
    case 'memballoon':
      return attr(device, 'model') === 'none' ? undefined : 'pci';
    case 'memory':
      return attr(device, 'model')?.startsWith('virtio-') === true ? 'pci' : undefined;
    case 'watchdog':
      return attr(device, 'model') === 'itco' ? undefined : 'pci';
    case 'interface':
    case 'video':
    case 'rng':
      return 'pci';
    default:
      return undefined;
  }
}

/** The root bus has no address. */
const isRoot = (controller: Element): boolean =>
  attr(controller, 'type') === 'pci' && (attr(controller, 'model') ?? '').endsWith('-root');

function placeOnPci(device: Element, slots: Set<number>): void {
  const sata = device.nodeName === 'controller' && attr(device, 'type') === 'sata';
  const firstCard = device.nodeName === 'video' && attr(child(device, 'model'), 'primary') === 'yes';
  let slot = sata ? 0x1f : firstCard ? 1 : 2;
  while (!sata && !firstCard && slots.has(slot)) slot++;
  slots.add(slot);
  add(device, 'address', {
    type: 'pci',
    domain: '0x0000',
    bus: '0x00',
    slot: `0x${slot.toString(16).padStart(2, '0')}`,
    function: sata ? '0x2' : '0x0',
  });
}

/** Unit by name: `sda` is 0, as in libvirt. */
function placeDrive(device: Element, devices: Element): void {
  const name = attr(child(device, 'target'), 'dev') ?? 'a';
  const wanted = Math.max(0, name.charCodeAt(name.length - 1) - 97);
  const used = new Set(
    children(devices, 'disk').flatMap((disk) => wholeNumber(attr(child(disk, 'address'), 'unit')) ?? []),
  );
  let unit = wanted;
  while (used.has(unit)) unit++;
  add(device, 'address', { type: 'drive', controller: 0, bus: 0, target: 0, unit });
}

function placePort(device: Element, devices: Element): void {
  const used = new Set(
    children(devices, 'channel').flatMap((each) => wholeNumber(attr(child(each, 'address'), 'port')) ?? []),
  );
  let port = 1;
  while (used.has(port)) port++;
  add(device, 'address', { type: 'virtio-serial', controller: 0, bus: 0, port });
}

import { attr, child, children, type Element, text, wholeNumber } from '../../model/xml.ts';
import { knows, type Release } from '../release.ts';
import { assignAddresses } from './addresses.ts';
import { add, defaultAttr, ensure, remove } from './edit.ts';
import { EMULATOR } from './machines.ts';

/** Adds the controllers, input devices and balloon of every machine, and the defaults of each device. */
export function completeDevices(domain: Element, release: Release): void {
  const devices = ensure(domain, 'devices');
  if (!text(child(devices, 'emulator'))) {
    remove(child(devices, 'emulator'));
    add(devices, 'emulator', {}, EMULATOR);
  }
  for (const disk of children(devices, 'disk')) completeDisk(disk);
  sortDisks(devices);
  for (const nic of children(devices, 'interface')) completeNic(nic, domain);
  for (const graphics of children(devices, 'graphics')) completeGraphics(graphics);
  // Graphics require a video card; libvirt 9.0 picks the oldest.
  if (child(devices, 'graphics') !== undefined && child(devices, 'video') === undefined)
    add(add(devices, 'video'), 'model', { type: 'cirrus', vram: 16_384 });
  for (const model of children(devices, 'video').map((video) => ensure(video, 'model'))) {
    defaultAttr(model, 'heads', 1);
    defaultAttr(model, 'primary', 'yes');
    if (attr(model, 'type') === 'virtio' && knows(release, 'namesVideoDevice'))
      defaultAttr(model, 'device', 'virtio-vga');
  }
  consoles(devices);
  controllers(domain, devices, release);
  watchdog(domain, devices, release);
  if (children(devices, 'input').length === 0)
    for (const type of ['mouse', 'keyboard']) add(devices, 'input', { type, bus: 'ps2' });
  if (children(devices, 'audio').length === 0) add(devices, 'audio', { id: 1, type: 'none' });
  const balloon = child(devices, 'memballoon') ?? add(devices, 'memballoon', { model: 'virtio' });
  if (wholeNumber(attr(child(balloon, 'stats'), 'period')) === 0) remove(child(balloon, 'stats'));
  assignAddresses(devices);
}

function completeDisk(disk: Element): void {
  defaultAttr(disk, 'type', 'file');
  defaultAttr(disk, 'device', 'disk');
  const driver = ensure(disk, 'driver');
  defaultAttr(driver, 'name', 'qemu');
  defaultAttr(driver, 'type', 'raw');
  // 0 queues and cache mode `default` are the same as no attribute.
  if (attr(driver, 'queues') === '0') driver.removeAttribute('queues');
  if (attr(driver, 'cache') === 'default') driver.removeAttribute('cache');
  const target = child(disk, 'target');
  if (target !== undefined) defaultAttr(target, 'bus', busOf(attr(target, 'dev') ?? ''));
  if (attr(disk, 'device') === 'cdrom') ensure(disk, 'readonly');
}

const busOf = (target: string): string =>
  target.startsWith('vd')
    ? 'virtio'
    : target.startsWith('sd')
      ? 'scsi'
      : target.startsWith('fd')
        ? 'fdc'
        : 'ide';

/** Disks of one bus are adjacent, sorted by name (virDomainDiskInsert). */
function sortDisks(devices: Element): void {
  const disks = children(devices, 'disk');
  const bus = (disk: Element): string => attr(child(disk, 'target'), 'bus') ?? '';
  const buses = [...new Set(disks.map(bus))];
  const name = (disk: Element): string => attr(child(disk, 'target'), 'dev') ?? '';
  const order = (a: Element, b: Element): number =>
    buses.indexOf(bus(a)) - buses.indexOf(bus(b)) ||
    name(a).length - name(b).length ||
    (name(a) < name(b) ? -1 : name(a) > name(b) ? 1 : 0);
  for (const disk of disks.toSorted(order)) devices.appendChild(disk);
}

function completeNic(nic: Element, domain: Element): void {
  if (child(nic, 'mac') === undefined) {
    const uuid = (text(child(domain, 'uuid')) ?? '').replaceAll('-', '');
    const at = children(nic.parentNode as Element, 'interface').indexOf(nic);
    const last = [uuid.slice(-4, -2), uuid.slice(-2), at.toString(16).padStart(2, '0')].join(':');
    add(nic, 'mac', { address: `52:54:00:${last}` });
  }
  const model = child(nic, 'model') ?? add(nic, 'model', { type: 'rtl8139' });
  // Other models have no driver settings, and libvirt drops them.
  if (!(attr(model, 'type') ?? '').startsWith('virtio')) remove(child(nic, 'driver'));
  const bandwidth = child(nic, 'bandwidth');
  if (bandwidth !== undefined && children(bandwidth).length === 0) remove(bandwidth);
}

function completeGraphics(graphics: Element): void {
  if (attr(graphics, 'port') === '-1') defaultAttr(graphics, 'autoport', 'yes');
  const listen = attr(graphics, 'listen');
  if (child(graphics, 'listen') === undefined) add(graphics, 'listen', { type: 'address', address: listen });
}

/** The first console is the first serial port, and a machine with one of them gets the other. */
function consoles(devices: Element): void {
  const console = child(devices, 'console');
  if (console !== undefined && child(console, 'target') === undefined)
    add(console, 'target', { type: 'serial', port: 0 });
  if (console !== undefined && child(devices, 'serial') === undefined) {
    const serial = add(devices, 'serial', { type: attr(console, 'type') });
    add(add(serial, 'target', { type: 'isa-serial', port: 0 }), 'model', { name: 'isa-serial' });
  }
}

/**
 * libvirt 9.0 appends the controllers it adds to those of the client, and a separate root port for the agent's port
 * after that; when the XML is read again, controllers of one type are grouped (virDomainControllerInsertPreAlloced). So
 * the first definition of some machines differs slightly from the second.
 */
function controllers(domain: Element, devices: Element, release: Release): void {
  const q35 = isQ35(domain);
  const all = (): Element[] => children(devices, 'controller');
  const typeOf = (controller: Element): string => attr(controller, 'type') ?? '';
  const has = (type: string): boolean => all().some((controller) => typeOf(controller) === type);
  const uses = (bus: string): boolean =>
    children(devices, 'disk').some((disk) => attr(child(disk, 'target'), 'bus') === bus);
  const group = (): void => {
    const types = [...new Set(all().map(typeOf))];
    for (const each of all().toSorted((a, b) => types.indexOf(typeOf(a)) - types.indexOf(typeOf(b))))
      devices.appendChild(each);
  };
  group();
  if (!has('scsi') && uses('scsi')) add(devices, 'controller', { type: 'scsi', index: 0, model: 'lsilogic' });
  if (!has('usb')) {
    const model = q35 ? 'qemu-xhci' : 'piix3-uhci';
    add(devices, 'controller', { type: 'usb', index: 0, model });
  }
  // Q35 has an onboard SATA controller.
  if (!has('sata') && (q35 || uses('sata'))) add(devices, 'controller', { type: 'sata', index: 0 });
  if (!has('pci'))
    add(devices, 'controller', { type: 'pci', index: 0, model: q35 ? 'pcie-root' : 'pci-root' });
  const agent = children(devices, 'channel').some(
    (channel) => attr(child(channel, 'target'), 'type') === 'virtio',
  );
  if (!has('virtio-serial') && agent) {
    add(devices, 'controller', { type: 'virtio-serial', index: 0 });
    if (q35) addRootPort(devices, all().filter((each) => typeOf(each) === 'pci').length);
  }
  for (const controller of all()) defaultAttr(controller, 'index', 0);
  if (knows(release, 'groupsControllers')) group();
}

const isQ35 = (domain: Element): boolean =>
  (attr(child(domain, 'os', 'type'), 'machine') ?? '').includes('q35');

function watchdog(domain: Element, devices: Element, release: Release): void {
  if (!isQ35(domain) || !knows(release, 'chipsetWatchdog')) return;
  if (children(devices, 'watchdog').some((each) => attr(each, 'model') === 'itco')) return;
  add(devices, 'watchdog', { model: 'itco', action: 'reset' });
}

function addRootPort(devices: Element, index: number): void {
  const port = add(devices, 'controller', { type: 'pci', index, model: 'pcie-root-port' });
  add(port, 'model', { name: 'pcie-root-port' });
  add(port, 'target', { chassis: index, port: `0x${(0x0f + index).toString(16)}` });
}

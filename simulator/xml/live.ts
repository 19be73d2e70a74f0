import { attr, child, children, type Element, parseXml, text } from '../../model/xml.ts';
import { add, adopt, ensure, remove, setAttr } from './edit.ts';
import { formatDomain } from './format.ts';
import { SECLABEL } from './from-spec.ts';
import type { Run } from './spec-devices.ts';

/** CPU that a guest with host-model gets on the simulated host. */
const HOST_MODEL = { name: 'Skylake-Server-IBRS', vendor: 'Intel' };
const HOST_FEATURES = [
  ['require', 'hypervisor'],
  ['require', 'tsc_adjust'],
  ['require', 'invtsc'],
  ['disable', 'mpx'],
] as const;

/** The live XML of a definition: with an id, names assigned by QEMU and the host, and values filled in by libvirt. */
export function started(definition: string, run: Run): string {
  const domain = parseXml('the definition', definition, 'domain');
  setAttr(domain, 'id', run.id);
  const resource = ensure(domain, 'resource');
  if (child(resource, 'partition') === undefined) add(resource, 'partition', {}, '/machine');
  expandCpu(child(domain, 'cpu'));
  const devices = ensure(domain, 'devices');
  const disks = children(devices, 'disk');
  disks.forEach((disk, index) => {
    const source = child(disk, 'source');
    if (source !== undefined) setAttr(source, 'index', disks.length - index);
    ensure(disk, 'backingStore');
    name(disk, diskAlias(disk));
  });
  for (const controller of children(devices, 'controller')) name(controller, controllerAlias(controller));
  children(devices, 'interface').forEach((nic, index) => {
    setAttr(ensure(nic, 'target'), 'dev', run.nicName(index));
    name(nic, `net${index}`);
  });
  for (const channel of children(devices, 'channel'))
    connectAgent(channel, run.id, text(child(domain, 'name')));
  for (const [element, prefix] of COUNTED)
    for (const [index, device] of children(devices, element).entries()) name(device, `${prefix}${index}`);
  plugMemory(devices);
  for (const graphics of children(devices, 'graphics'))
    if (attr(graphics, 'port') === '-1') setAttr(graphics, 'port', 5_900 + run.id);
  if (children(domain, 'seclabel').length === 0)
    adopt(domain, parseXml('a label', SECLABEL.join('\n'), 'seclabel'));
  return formatDomain(domain);
}

const MEMORY_ALIASES: Readonly<Record<string, string>> = {
  dimm: 'dimm',
  nvdimm: 'nvdimm',
  'virtio-mem': 'virtiomem',
  'virtio-pmem': 'virtiopmem',
  'sgx-epc': 'epc',
};

/** Every guest plugs the requested memory. */
function plugMemory(devices: Element): void {
  const counts = new Map<string, number>();
  for (const device of children(devices, 'memory')) {
    const alias = MEMORY_ALIASES[attr(device, 'model') ?? ''] ?? 'dimm';
    const index = counts.get(alias) ?? 0;
    counts.set(alias, index + 1);
    name(device, `${alias}${index}`);
    const requested = text(child(device, 'target', 'requested'));
    if (requested !== undefined) add(ensure(device, 'target'), 'current', { unit: 'KiB' }, requested);
  }
}

/** Every guest with an agent channel runs an agent. */
function connectAgent(channel: Element, id: number, name = ''): void {
  const target = child(channel, 'target');
  const port = attr(target, 'name');
  if (target === undefined || port !== 'org.qemu.guest_agent.0') return;
  setAttr(target, 'state', 'connected');
  if (child(channel, 'source') === undefined) {
    const path = `/var/lib/libvirt/qemu/channel/target/domain-${id}-${name}/${port}`;
    add(channel, 'source', { mode: 'bind', path });
  }
}

const COUNTED = [
  ['serial', 'serial'],
  ['console', 'serial'],
  ['channel', 'channel'],
  ['input', 'input'],
  ['tpm', 'tpm'],
  ['video', 'video'],
  ['watchdog', 'watchdog'],
  ['memballoon', 'balloon'],
  ['rng', 'rng'],
] as const;

/** Keeps an alias set by the client. */
function name(device: Element, alias: string): void {
  if (child(device, 'alias') === undefined) add(device, 'alias', { name: alias });
}

function diskAlias(disk: Element): string {
  const target = child(disk, 'target');
  const bus = attr(target, 'bus') ?? 'virtio';
  const dev = attr(target, 'dev') ?? '';
  const address = child(disk, 'address');
  const at = (part: string): string => attr(address, part) ?? '0';
  if (bus === 'virtio') return `virtio-disk${dev.charCodeAt(dev.length - 1) - 97}`;
  return bus === 'scsi'
    ? `scsi${at('controller')}-0-${at('target')}-${at('unit')}`
    : `${bus}${at('controller')}-${at('bus')}-${at('unit')}`;
}

function controllerAlias(controller: Element): string {
  const type = attr(controller, 'type') ?? '';
  const index = attr(controller, 'index') ?? '0';
  if (type === 'pci')
    return (attr(controller, 'model') ?? '').startsWith('pcie') ? `pcie.${index}` : `pci.${index}`;
  // QEMU calls the first SATA controller of a Q35 machine, which is onboard, ide.
  if (type === 'sata' && index === '0') return 'ide';
  return type === 'usb' && index === '0' ? 'usb' : `${type}${index}`;
}

/** libvirt records the exact CPU a guest was given, so that it gets the same one after a migration. */
function expandCpu(cpu: Element | undefined): void {
  const mode = attr(cpu, 'mode');
  if (cpu === undefined || mode === 'host-passthrough' || mode === 'maximum') return;
  setAttr(cpu, 'check', 'full');
  if (mode !== 'host-model') {
    add(cpu, 'feature', { policy: 'require', name: 'hypervisor' });
    return;
  }
  setAttr(cpu, 'mode', 'custom');
  setAttr(cpu, 'match', 'exact');
  remove(child(cpu, 'model'));
  add(cpu, 'model', { fallback: 'forbid' }, HOST_MODEL.name);
  add(cpu, 'vendor', {}, HOST_MODEL.vendor);
  for (const [policy, feature] of HOST_FEATURES) add(cpu, 'feature', { policy, name: feature });
}

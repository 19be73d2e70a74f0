import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { startDefaultNetwork } from './daemon.ts';
import { type BootFiles, buildInitramfs } from './initramfs.ts';
import { LAB_DIR, PREFIX } from './paths.ts';
import { run, succeeds, until } from './run.ts';
import { virsh } from './virsh.ts';

export const BOOTED = `${PREFIX}booted`;
/** Number of bare guests in the lab: a typical host, or VIRTUNE_LAB_GUESTS. */
export const CROWD = Number(process.env['VIRTUNE_LAB_GUESTS'] ?? 60);
export const bareName = (index: number): string => `${PREFIX}bare-${String(index).padStart(3, '0')}`;

const NIC = ['', "<interface type='network'><source network='default'/><model type='virtio'/></interface>"];

/** Defines and starts the guest unless it runs already. */
function ensureRunning(name: string, xml: string, ...startFlags: string[]): void {
  if (!succeeds('virsh', ['dominfo', name])) {
    const file = join(LAB_DIR, `${name}.xml`);
    writeFileSync(file, xml);
    virsh('define', file);
  }
  if (virsh('domstate', name).trim() === 'shut off') virsh('start', name, ...startFlags);
}

/** A real Linux with a live balloon, a raw and a qcow2 disk with traffic, an iothread and a NIC. */
export async function bootGuest(): Promise<void> {
  mkdirSync(LAB_DIR, { recursive: true });
  const raw = join(LAB_DIR, 'booted-vda.img');
  const qcow2 = join(LAB_DIR, 'booted-vdb.qcow2');
  if (!succeeds('virsh', ['dominfo', BOOTED])) {
    run('qemu-img', ['create', '-q', '-f', 'raw', raw, '64M']);
    run('qemu-img', ['create', '-q', '-f', 'qcow2', qcow2, '64M']);
  }
  ensureRunning(BOOTED, bootedXml(buildInitramfs(BOOTED), raw, qcow2, startDefaultNetwork()));
  await until('the guest to report its memory', 120_000, () =>
    virsh('dommemstat', BOOTED).includes('usable'),
  );
}

/** Another such Linux for a single test, with only these devices. */
export function bootAnother(name: string, devices: string): void {
  const { kernel, initrd } = buildInitramfs(name);
  ensureRunning(
    name,
    `<domain type='qemu'>
  <name>${name}</name>
  <memory unit='MiB'>192</memory>
  <vcpu>1</vcpu>
  <os>
    <type arch='x86_64' machine='pc'>hvm</type>
    <kernel>${kernel}</kernel>
    <initrd>${initrd}</initrd>
    <cmdline>console=ttyS0 quiet</cmdline>
  </os>
  <features><acpi/></features>
  <devices>
    <emulator>/usr/bin/qemu-system-x86_64</emulator>
    ${devices}
    <memballoon model='none'/>
    <console type='pty'/>
  </devices>
</domain>
`,
  );
}

/** Removes a domain, running or not, with its saved state and its snapshots. */
export function removeGuest(name: string): void {
  succeeds('virsh', ['destroy', name]);
  succeeds('virsh', ['undefine', name, '--managed-save', '--snapshots-metadata']);
}

/** Creates guests that merely exist: paused, no kernel, 24 MiB. They report statistics like any other. */
export function bareGuests(count: number): void {
  const network = startDefaultNetwork();
  const known = virsh('list', '--all', '--name').split('\n');
  const last = bareName(count);
  for (const name of known) if (name.startsWith(`${PREFIX}bare-`) && name >= last) removeGuest(name);
  for (let index = 0; index < count; index++) {
    const name = bareName(index);
    const disk = join(LAB_DIR, `${name}.img`);
    if (!existsSync(disk)) writeFileSync(disk, Buffer.alloc(65_536));
    ensureRunning(name, bareXml(name, disk, network), '--paused');
  }
}

/** Removes every domain of the lab, running or not, and no others. */
export function removeGuests(): void {
  const names = virsh('list', '--all', '--name').split('\n');
  for (const name of names.filter((each) => each.startsWith(PREFIX))) removeGuest(name);
}

/** PID of a running guest's QEMU process, from libvirt's own PID file. */
export function qemuPid(name: string): number {
  return Number(readFileSync(`/run/libvirt/qemu/${name}.pid`, 'utf8').trim());
}

function bootedXml({ kernel, initrd }: BootFiles, raw: string, qcow2: string, network: boolean): string {
  return `<domain type='qemu'>
  <name>${BOOTED}</name>
  <metadata>
    <nova:instance xmlns:nova='http://openstack.org/xmlns/libvirt/nova/1.1'>
      <nova:name>lab guest "quoted" &amp; more</nova:name>
      <nova:flavor name='lab.small'/>
      <nova:owner><nova:user uuid='u-1'>sre</nova:user><nova:project uuid='p-1'>lab</nova:project></nova:owner>
    </nova:instance>
  </metadata>
  <memory unit='MiB'>192</memory>
  <vcpu>2</vcpu>
  <iothreads>1</iothreads>
  <os>
    <type arch='x86_64' machine='pc'>hvm</type>
    <kernel>${kernel}</kernel>
    <initrd>${initrd}</initrd>
    <cmdline>console=ttyS0 quiet</cmdline>
  </os>
  <features><acpi/></features>
  <devices>
    <emulator>/usr/bin/qemu-system-x86_64</emulator>
    <disk type='file' device='disk'>
      <driver name='qemu' type='raw' cache='none' io='native' iothread='1'/>
      <source file='${raw}'/><target dev='vda' bus='virtio'/>
    </disk>
    <disk type='file' device='disk'>
      <driver name='qemu' type='qcow2' cache='writeback' discard='unmap'/>
      <source file='${qcow2}'/><target dev='vdb' bus='virtio'/>
    </disk>
    ${NIC[Number(network)]}
    <memballoon model='virtio'><stats period='2'/></memballoon>
    <console type='pty'/>
  </devices>
</domain>
`;
}

function bareXml(name: string, disk: string, network: boolean): string {
  return `<domain type='qemu'>
  <name>${name}</name>
  <memory unit='MiB'>24</memory>
  <vcpu>1</vcpu>
  <os><type arch='x86_64' machine='pc'>hvm</type></os>
  <devices>
    <emulator>/usr/bin/qemu-system-x86_64</emulator>
    <disk type='file' device='disk'>
      <driver name='qemu' type='raw'/><source file='${disk}'/><target dev='vda' bus='virtio'/>
    </disk>
    ${NIC[Number(network)]}
    <memballoon model='virtio'/>
  </devices>
</domain>
`;
}

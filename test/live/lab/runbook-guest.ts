import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { removeGuest } from './guests.ts';
import { buildInitramfs } from './initramfs.ts';
import { LAB_DIR, PREFIX } from './paths.ts';
import { run, succeeds, until } from './run.ts';
import { virsh } from './virsh.ts';

export const POOL = `${PREFIX}runbook`;
const FOLDER = join(LAB_DIR, 'runbook');

/** A storage pool for the disks of these guests. */
export function createPool(): void {
  mkdirSync(FOLDER, { recursive: true });
  virsh('pool-create-as', POOL, 'dir', '--target', FOLDER);
}

export function removePool(): void {
  succeeds('virsh', ['pool-destroy', POOL]);
  rmSync(FOLDER, { recursive: true, force: true });
}

/** A guest to run the commands of runbooks on: a qcow2 disk, a balloon, one vCPU and a tap without a bridge. */
export class RunbookGuest {
  readonly name: string;

  constructor(name: string) {
    this.name = `${PREFIX}${name}`;
  }

  get image(): string {
    return join(FOLDER, `${this.name}.qcow2`);
  }

  /** The host's tap interface of its NIC. */
  get tap(): string {
    return /^ *(vnet\d+) /m.exec(virsh('domiflist', this.name))?.[1] ?? 'vnet0';
  }

  /** Defines and starts it again, with an empty disk and nothing to boot. */
  create(): void {
    this.remove();
    run('qemu-img', ['create', '-q', '-f', 'qcow2', this.image, '8M']);
    this.#start(128, "<os><type arch='x86_64' machine='pc'>hvm</type></os>", '');
  }

  /** Boots it with a Linux that runs a guest agent and has a mounted file system. */
  async boot(): Promise<void> {
    this.remove();
    const raw = join(FOLDER, `${this.name}.raw`);
    run('qemu-img', ['create', '-q', '-f', 'raw', raw, '16M']);
    run('mkfs.ext4', ['-q', '-F', raw]);
    run('qemu-img', ['convert', '-f', 'raw', '-O', 'qcow2', raw, this.image]);
    const { kernel, initrd } = buildInitramfs(this.name);
    this.#start(
      192,
      `<os><type arch='x86_64' machine='pc'>hvm</type><kernel>${kernel}</kernel><initrd>${initrd}</initrd><cmdline>console=ttyS0 quiet</cmdline></os>`,
      "<channel type='unix'><target type='virtio' name='org.qemu.guest_agent.0'/></channel>",
    );
    await until('the agent to answer', 120_000, () => virsh('guestinfo', this.name).includes('fs.0.name'));
  }

  /** Removes it with its images and their overlays. */
  remove(): void {
    removeGuest(this.name);
    const images = existsSync(FOLDER) ? readdirSync(FOLDER) : [];
    for (const file of images.filter((each) => each.startsWith(`${this.name}.`))) rmSync(join(FOLDER, file));
  }

  #start(memoryMiB: number, os: string, devices: string): void {
    const file = join(LAB_DIR, `${this.name}.xml`);
    writeFileSync(
      file,
      `<domain type='qemu'>
  <name>${this.name}</name>
  <memory unit='MiB'>${memoryMiB}</memory>
  <vcpu>1</vcpu>
  ${os}
  <features><acpi/></features>
  <devices>
    <emulator>/usr/bin/qemu-system-x86_64</emulator>
    <disk type='file' device='disk'>
      <driver name='qemu' type='qcow2' discard='unmap'/>
      <source file='${this.image}'/><target dev='vda' bus='virtio'/>
    </disk>
    <interface type='ethernet'><model type='virtio'/></interface>
    ${devices}
    <memballoon model='virtio'><stats period='2'/></memballoon>
    <console type='pty'/>
  </devices>
</domain>
`,
    );
    virsh('define', file);
    virsh('start', this.name);
  }
}

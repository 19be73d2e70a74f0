import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { removeGuest } from './guests.ts';
import { buildInitramfs } from './initramfs.ts';
import { LAB_DIR, PREFIX } from './paths.ts';
import { run, until } from './run.ts';
import { domstats, virsh } from './virsh.ts';

/** The guest's load, as parameters of its kernel command line (`initramfs.ts`), and the limits in its definition. */
export interface BusySpec {
  readonly load: `lab.spin=${number}` | 'lab.commit' | 'lab.write' | 'lab.log';
  readonly vcpus?: number;
  /** Inside `<cputune>`: pins, shares, quotas. */
  readonly cputune?: string;
  /** Inside `<iotune>` of vda. */
  readonly iotune?: string;
}

/** A Linux guest with the load that a test asks for. */
export class BusyGuest {
  readonly name: string;
  readonly #spec: BusySpec;

  constructor(name: string, spec: BusySpec) {
    this.name = `${PREFIX}${name}`;
    this.#spec = spec;
  }

  /** Defines it again and starts it. */
  start(): void {
    removeGuest(this.name);
    const file = join(LAB_DIR, `${this.name}.xml`);
    if (this.#hasDisk) run('qemu-img', ['create', '-q', '-f', 'raw', this.#image, '64M']);
    if (this.#spec.load === 'lab.commit') run('mkfs.ext4', ['-q', '-F', this.#image]);
    writeFileSync(file, this.#xml());
    virsh('define', file);
    virsh('start', this.name);
  }

  /** Waits until its load runs: its vCPUs are busy, or its disk is written to. */
  async works(): Promise<void> {
    const done = (): number => {
      const stats = domstats(this.name);
      if (this.#hasDisk) return Number(stats.get('block.0.wr.reqs') ?? 0);
      // Loading its drivers takes some seconds of CPU time.
      return Number(stats.get('cpu.time') ?? 0) / 1e9 - 20;
    };
    await until(`${this.name} to work`, 180_000, () => done() > 0);
  }

  /** Number of vCPUs that compute without pause once it has booted. */
  get spinning(): number {
    return Number(/^lab\.spin=(\d+)$/.exec(this.#spec.load)?.[1] ?? 0);
  }

  /** Pauses its vCPUs, so that another guest can boot undisturbed. */
  suspend(): void {
    virsh('suspend', this.name);
  }

  resume(): void {
    virsh('resume', this.name);
  }

  remove(): void {
    removeGuest(this.name);
  }

  get #hasDisk(): boolean {
    return !this.#spec.load.startsWith('lab.spin');
  }

  get #image(): string {
    return join(LAB_DIR, `${this.name}-vda.img`);
  }

  #xml(): string {
    const { load, vcpus = 1, cputune = '', iotune = '' } = this.#spec;
    const { kernel, initrd } = buildInitramfs(this.name);
    const disk = this.#hasDisk
      ? `<disk type='file' device='disk'>
      <driver name='qemu' type='raw' cache='writeback'/>
      <source file='${this.#image}'/><target dev='vda' bus='virtio'/>
      ${iotune === '' ? '' : `<iotune>${iotune}</iotune>`}
    </disk>`
      : '';
    return `<domain type='qemu'>
  <name>${this.name}</name>
  <memory unit='MiB'>160</memory>
  <vcpu>${vcpus}</vcpu>
  <cputune>${cputune}</cputune>
  <os>
    <type arch='x86_64' machine='pc'>hvm</type>
    <kernel>${kernel}</kernel>
    <initrd>${initrd}</initrd>
    <cmdline>console=ttyS0 quiet ${load}</cmdline>
  </os>
  <features><acpi/></features>
  <devices>
    <emulator>/usr/bin/qemu-system-x86_64</emulator>
    ${disk}
    <memballoon model='virtio'><stats period='2'/></memballoon>
    <console type='pty'/>
  </devices>
</domain>
`;
  }
}

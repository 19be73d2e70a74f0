import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DefinedGuest } from './defined-guest.ts';
import { LAB_DIR } from './paths.ts';
import { succeeds } from './run.ts';
import type { Tunable } from './tuned-guest.ts';
import { virsh } from './virsh.ts';

/** Real-mode code, which the firmware runs from the first sector of the disk. */
const WORK = {
  /** `jmp $`: a vCPU that uses a whole CPU. */
  spin: [0xeb, 0xfe],
  /** Reads the second sector with the firmware's int 13h in a loop, one request at a time. */
  read: [
    // xor ax, ax; mov ds, ax; mov es, ax; mov bx, 0x8000
    ...[0x31, 0xc0, 0x8e, 0xd8, 0x8e, 0xc0, 0xbb, 0x00, 0x80],
    // again: mov ax, 0x0201; mov cx, 0x0002; mov dx, 0x0080; int 0x13; jmp again
    ...[0xb8, 0x01, 0x02, 0xb9, 0x02, 0x00, 0xba, 0x80, 0x00, 0xcd, 0x13, 0xeb, 0xf3],
  ],
} as const;

/** A guest with one vCPU and no operating system, which works as soon as it is started. */
export class BootSectorGuest extends DefinedGuest implements Tunable {
  readonly #disk: string;

  /** `cputune`: XML that it starts with; `iotune`: the same for its disk. */
  constructor(name: string, work: keyof typeof WORK, { cputune = '', iotune = '' } = {}) {
    super(name);
    mkdirSync(LAB_DIR, { recursive: true });
    this.#disk = join(LAB_DIR, `${this.name}.img`);
    this.remove();
    const disk = Buffer.alloc(1_048_576);
    Buffer.from(WORK[work]).copy(disk);
    disk.writeUInt16LE(0xaa55, 510);
    writeFileSync(this.#disk, disk);
    const xml = join(LAB_DIR, `${this.name}.xml`);
    writeFileSync(
      xml,
      `<domain type='qemu'><name>${this.name}</name><memory unit='MiB'>32</memory><vcpu>1</vcpu>
       <cputune>${cputune}</cputune><os><type arch='x86_64' machine='pc'>hvm</type><boot dev='hd'/></os>
       <features><acpi/></features><devices><emulator>/usr/bin/qemu-system-x86_64</emulator>
       <disk type='file' device='disk'><driver name='qemu' type='raw' cache='writeback'/><source file='${this.#disk}'/>
       <target dev='vda' bus='virtio'/><iotune>${iotune}</iotune></disk><memballoon model='none'/></devices></domain>`,
    );
    virsh('define', xml);
    virsh('start', this.name);
  }

  remove(): void {
    for (const how of ['destroy', 'undefine']) succeeds('virsh', [how, this.name]);
    rmSync(this.#disk, { force: true });
  }
}

import { execFileSync } from 'node:child_process';
import { chmodSync, copyFileSync, existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { LAB_DIR } from './paths.ts';
import { LabError, run } from './run.ts';

/** In the order in which they depend on each other. */
const MODULES = [
  'virtio_ring',
  'virtio',
  'virtio_pci_legacy_dev',
  'virtio_pci_modern_dev',
  'virtio_pci',
  'virtio_balloon',
  'virtio_blk',
  'failover',
  'net_failover',
  'virtio_net',
  'virtio_console',
  'button',
  'evdev',
];

/** Debian's qemu-guest-agent, which runs in guests that have a channel for it. */
const AGENT = '/usr/sbin/qemu-ga';

/** What the guest reports about itself: as hostile a text as its owner may choose. */
const OS_RELEASE = `ID=lab
NAME="Lab Linux"
PRETTY_NAME="Lab \\"Linux\\" {1}"
VERSION_ID=1
`;

/** What busybox's acpid runs when the power button is pressed, which is how `virsh shutdown` asks. */
const POWER_BUTTON = 'etc/acpi/PWRF/00000080';
const POWER_OFF = '#!/bin/busybox sh\n/bin/busybox poweroff -f\n';

/**
 * Load selected on the kernel command line, in place of the default light load: `lab.spin=N` keeps N vCPUs busy,
 * `lab.commit` writes and flushes pages in a file system of vda as a database commits, `lab.write` writes 64 KiB at a
 * time, as fast as the disk, and `lab.log` some ten times per second.
 */
const LOADS = `
for word in $(/bin/busybox cat /proc/cmdline); do
  case $word in
    lab.spin=*)
      n=\${word#*=}
      while [ $n -gt 0 ]; do (while :; do :; done) & n=$((n - 1)); done ;;
    lab.commit)
      /bin/busybox mount -o remount,sync /data
      (while :; do /bin/busybox dd if=/dev/zero of=/data/log bs=4k count=1024 conv=notrunc 2>/dev/null; done) & ;;
    lab.write) (while :; do /bin/busybox dd if=/dev/zero of=/dev/vda bs=64k count=256 oflag=direct 2>/dev/null; done) & ;;
    lab.log) (while :; do /bin/busybox dd if=/dev/zero of=/dev/vda bs=64k count=1 oflag=direct 2>/dev/null; /bin/busybox usleep 100000; done) & ;;
    *) continue ;;
  esac
  loaded=1
done
while [ -n "$loaded" ]; do /bin/busybox sleep 1000; done
`;

/**
 * Loads the drivers, mounts the first disk if it has a file system, starts the agent if there is a channel for it and
 * obeys the power button. Then it runs the selected load, or reads, writes, flushes and sends a little, for as long as
 * it runs.
 */
const INIT = `#!/bin/busybox sh
/bin/busybox mkdir -p /proc /sys /dev /tmp
/bin/busybox mount -t proc proc /proc
/bin/busybox mount -t sysfs sys /sys
/bin/busybox mount -t devtmpfs dev /dev
for m in ${MODULES.join(' ')}; do /bin/busybox insmod /lib/$m.ko; done
/bin/busybox hostname lab-guest
/bin/busybox mkdir -p /data /run
/bin/busybox mount -t ext4 /dev/vda /data 2>/dev/null
for p in /sys/class/virtio-ports/*; do
  [ "$(/bin/busybox cat $p/name 2>/dev/null)" = org.qemu.guest_agent.0 ] &&
    /bin/qemu-ga -d -m virtio-serial -p /dev/\${p##*/} -t /run -f /run/qemu-ga.pid
done
/bin/busybox acpid -d 2>/dev/null &
/bin/busybox ip link set eth0 up
/bin/busybox ip addr add 192.168.122.77/24 dev eth0
${LOADS}
while true; do
  for d in vda vdb; do
    /bin/busybox grep -q "^/dev/$d " /proc/mounts && continue
    [ -b /dev/$d ] && /bin/busybox dd if=/dev/zero of=/dev/$d bs=64k count=4 conv=fsync 2>/dev/null
    [ -b /dev/$d ] && /bin/busybox dd if=/dev/$d of=/dev/null bs=64k count=4 skip=64 iflag=direct 2>/dev/null
  done
  /bin/busybox ping -c 1 -W 1 192.168.122.1 >/dev/null 2>&1
  /bin/busybox sleep 1
done
`;

const MODULE_BYTES_MAX = 16 * 1_048_576;

export interface BootFiles {
  readonly kernel: string;
  readonly initrd: string;
}

/**
 * Debian's cloud kernel, and an initramfs of a few MiB made from it, from busybox and the agent. Each guest has
 * separate files: libvirt changes their ownership while the guest runs.
 */
export function buildInitramfs(guest: string): BootFiles {
  const version = kernelVersion();
  if (version === undefined)
    throw new LabError('no /boot/vmlinuz-*-cloud-amd64: is linux-image-cloud-amd64 installed?');
  const root = join(LAB_DIR, 'initramfs');
  rmSync(root, { recursive: true, force: true });
  for (const folder of ['bin', 'lib', 'etc']) mkdirSync(join(root, folder), { recursive: true });
  copyFileSync('/bin/busybox', join(root, 'bin/busybox'));
  copyProgram(AGENT, root);
  writeFileSync(join(root, 'etc/os-release'), OS_RELEASE);
  // Debian 13 compresses them.
  const found = run('find', [`/lib/modules/${version}/kernel`, '-name', '*.ko', '-o', '-name', '*.ko.xz'])
    .trim()
    .split('\n');
  for (const name of MODULES) {
    const path = found.find((file) => file.endsWith(`/${name}.ko`) || file.endsWith(`/${name}.ko.xz`));
    // Built into the kernel: nothing to load.
    if (path === undefined) continue;
    const copy = join(root, `lib/${name}.ko`);
    if (path.endsWith('.xz'))
      writeFileSync(copy, execFileSync('xz', ['-dc', path], { maxBuffer: MODULE_BYTES_MAX }));
    else copyFileSync(path, copy);
  }
  mkdirSync(join(root, dirname(POWER_BUTTON)), { recursive: true });
  for (const [file, script] of [
    ['init', INIT],
    [POWER_BUTTON, POWER_OFF],
  ] as const) {
    writeFileSync(join(root, file), script);
    chmodSync(join(root, file), 0o755);
  }
  const list = run('find', ['.'], { cwd: root });
  const archive = execFileSync('cpio', ['-o', '-H', 'newc', '--quiet'], {
    cwd: root,
    input: list,
    maxBuffer: 64 * 1024 * 1024,
  });
  const initrd = join(LAB_DIR, `${guest}-initrd.img`);
  writeFileSync(initrd, gzipSync(archive));
  const kernel = join(LAB_DIR, `${guest}-vmlinuz`);
  copyFileSync(`/boot/vmlinuz-${version}`, kernel);
  for (const file of [initrd, kernel]) chmodSync(file, 0o644);
  return { kernel, initrd };
}

/** Whether the system has everything needed to boot a guest: a root for another version may have only libvirt. */
export const canBoot = (): boolean => existsSync(AGENT) && kernelVersion() !== undefined;

function kernelVersion(): string | undefined {
  return readdirSync('/boot')
    .filter((name) => /^vmlinuz-.*-cloud-amd64$/.test(name))
    .sort()
    .at(-1)
    ?.slice('vmlinuz-'.length);
}

/** Copies a program into /bin, and its shared libraries to where the loader expects them. */
function copyProgram(path: string, root: string): void {
  copyFileSync(path, join(root, 'bin', basename(path)));
  for (const [, library] of run('ldd', [path]).matchAll(/(\/\S+) \(0x/g)) {
    if (library === undefined) continue;
    mkdirSync(join(root, dirname(library)), { recursive: true });
    copyFileSync(library, join(root, library));
  }
}

import { existsSync } from 'node:fs';
import { LabError, run, succeeds } from './run.ts';

const PACKAGES = [
  'libvirt-daemon-system',
  'libvirt-clients',
  'qemu-system-x86',
  'qemu-utils',
  'qemu-guest-agent',
  'e2fsprogs',
  'linux-image-cloud-amd64',
  'busybox-static',
  'cpio',
  'dnsmasq-base',
  'prometheus',
  'prometheus-alertmanager',
  'prometheus-libvirt-exporter',
  'openssh-server',
  'openssh-client',
  'netcat-openbsd',
  'sasl2-bin',
  'libsasl2-modules',
  'libfaketime',
  'openssl',
  'systemd',
  'tmux',
  'gdb',
  'iproute2',
  'iputils-ping',
  'numactl',
  'procps',
  'sysstat',
];

/** Installs Debian's packages of libvirt, QEMU and the programs that we compare ourselves with. */
export function ensurePackages(): void {
  if (process.getuid?.() !== 0)
    throw new LabError('the lab starts libvirtd and guests, so it needs root: run it with sudo');
  if (!existsSync('/etc/debian_version'))
    throw new LabError('the lab installs Debian packages, and this is not Debian');
  const missing = PACKAGES.filter((name) => !succeeds('dpkg', ['-s', name]));
  if (missing.length === 0) return;
  console.error(`lab: installing ${missing.join(' ')}`);
  run('apt-get', ['update', '-q']);
  run('apt-get', ['install', '-y', '-q', '--no-install-recommends', ...missing]);
}

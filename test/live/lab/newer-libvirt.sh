#!/usr/bin/env bash
# The root of a Debian 13 for VIRTUNE_LAB_ROOT of namespaced.sh: with libvirt and QEMU of its backports (seen: 12.9.0 and
# 11.1.3), or of the release itself (11.3.0 and 10.0) where SUITE is trixie. Once made it is left as it is. Root, on Debian;
# three minutes, 1 GB. Usage: newer-libvirt.sh FOLDER [SUITE]
set -euo pipefail
root=$1
suite=${2:-trixie-backports}
[ -f "$root/.done" ] && exit 0
export DEBIAN_FRONTEND=noninteractive
command -v debootstrap >/dev/null || { apt-get update -q && apt-get install -y -q --no-install-recommends debootstrap; }
mirror=$(grep -hoE 'https?://[^ ]+/debian/?( |$)' /etc/apt/sources.list /etc/apt/sources.list.d/* 2>/dev/null | head -n 1 || true)
mirror=${mirror:-http://deb.debian.org/debian}
debootstrap --variant=minbase trixie "$root" "$mirror"
printf 'deb %s %s main\n' "$mirror" trixie "$mirror" trixie-backports >"$root/etc/apt/sources.list"
# No package may start a daemon.
printf '#!/bin/sh\nexit 101\n' >"$root/usr/sbin/policy-rc.d"
chmod +x "$root/usr/sbin/policy-rc.d"
# A /dev apart: a package that changes the group of /dev/kvm would change the machine's.
unshare --mount bash -euc '
  mount -t tmpfs -o mode=755 dev "$0/dev"
  for node in null zero full random urandom tty; do touch "$0/dev/$node"; mount --bind "/dev/$node" "$0/dev/$node"; done
  mount -t proc proc "$0/proc"
  chroot "$0" apt-get update -q
  chroot "$0" apt-get install -y -q --no-install-recommends -t "$1" \
    libvirt-daemon-system libvirt-clients qemu-system-x86 qemu-utils' "$root" "$suite"
touch "$root/.done"
chroot "$root" libvirtd --version

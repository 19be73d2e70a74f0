#!/usr/bin/env bash
# Creates the root of a Debian 13 for VIRTUNE_LAB_ROOT of namespaced.sh: with libvirt and QEMU of its backports (seen:
# 12.9.0 and 11.1.3), or of the release itself (11.3.0 and 10.0) if SUITE is trixie; with everything needed to boot a
# guest, and Prometheus. What exists is kept. Root, on Debian; three minutes, 2 GB. Usage: newer-libvirt.sh FOLDER
# [SUITE]
set -euo pipefail
root=$1
suite=${2:-trixie-backports}
packages=(libvirt-daemon-system libvirt-clients qemu-system-x86 qemu-utils
  qemu-guest-agent linux-image-cloud-amd64 busybox-static cpio xz-utils e2fsprogs prometheus)
[ "$(cat "$root/.done" 2>/dev/null)" = "${packages[*]}" ] && exit 0
export DEBIAN_FRONTEND=noninteractive
if [ ! -e "$root/.done" ]; then
  command -v debootstrap >/dev/null || { apt-get update -q && apt-get install -y -q --no-install-recommends debootstrap; }
  mirror=$(grep -hoE 'https?://[^ ]+/debian/?( |$)' /etc/apt/sources.list /etc/apt/sources.list.d/* 2>/dev/null | head -n 1 || true)
  mirror=${mirror:-http://deb.debian.org/debian}
  debootstrap --variant=minbase trixie "$root" "$mirror"
  printf 'deb %s %s main\n' "$mirror" trixie "$mirror" trixie-backports >"$root/etc/apt/sources.list"
  # No package may start a daemon.
  printf '#!/bin/sh\nexit 101\n' >"$root/usr/sbin/policy-rc.d"
  chmod +x "$root/usr/sbin/policy-rc.d"
fi
# A private /dev: a package that changes the group of /dev/kvm would change the machine's.
unshare --mount bash -euc '
  root=$1 suite=$2
  shift 2
  mount -t tmpfs -o mode=755 dev "$root/dev"
  for node in null zero full random urandom tty; do touch "$root/dev/$node"; mount --bind "/dev/$node" "$root/dev/$node"; done
  mount -t proc proc "$root/proc"
  chroot "$root" apt-get update -q
  chroot "$root" apt-get install -y -q --no-install-recommends -t "$suite" "$@"' newer-libvirt "$root" "$suite" "${packages[@]}"
printf '%s\n' "${packages[*]}" >"$root/.done"
chroot "$root" libvirtd --version

#!/usr/bin/env bash
# Builds the disk of the emulated NUMA host: Debian 13 with systemd, sshd, numactl and the libvirt and QEMU of its
# backports. Root on Debian, network; a few minutes and 2 GB of disk. Usage: numa-image.sh DIR
# Result in DIR: disk.img (raw ext4, no partitions), vmlinuz, initrd.img, key (root's ssh key), made (what made it).
#
# Everything runs in namespaces: packages that are configured in the chroot see private /dev, /proc and /run, so none of
# their scripts can change a device's group on this machine or reach a daemon.
set -euo pipefail
dir=$1
suite=trixie
self=$(realpath "${BASH_SOURCE[0]}")
export DEBIAN_FRONTEND=noninteractive LC_ALL=C

mirror=$(grep -rhoE 'https?://[^ ]*/debian/?( |$)' /etc/apt/sources.list /etc/apt/sources.list.d 2>/dev/null | head -n 1 | tr -d ' ' || true)
mirror=${mirror:-http://deb.debian.org/debian}

# Only nodes that are harmless to share, on a tmpfs.
private_dev() {
  local node
  mount -t tmpfs -o mode=755 tmpfs "$1/dev"
  for node in null zero full random urandom tty; do
    : >"$1/dev/$node"
    mount --bind "/dev/$node" "$1/dev/$node"
  done
  mkdir -p "$1/dev/pts" "$1/dev/shm"
  ln -s /proc/self/fd "$1/dev/fd"
}

# Runs in separate mount, PID, IPC and UTS namespaces, with the machine's network.
build() {
  local root=$1 install=(apt-get install -y -q --no-install-recommends)
  mount --make-rprivate /
  debootstrap --variant=minbase --include=ca-certificates "$suite" "$root" "$mirror"
  printf 'deb %s %s main\ndeb %s %s-backports main\n' "$mirror" "$suite" "$mirror" "$suite" >"$root/etc/apt/sources.list"
  # No service starts while packages are installed.
  printf '#!/bin/sh\nexit 101\n' >"$root/usr/sbin/policy-rc.d"
  chmod +x "$root/usr/sbin/policy-rc.d"
  mountpoint -q "$root/dev" || private_dev "$root"
  mountpoint -q "$root/proc" || mount -t proc proc "$root/proc"
  mount -t tmpfs -o mode=755 tmpfs "$root/run"
  chroot "$root" apt-get update -q
  chroot "$root" "${install[@]}" systemd-sysv libnss-systemd dbus polkitd udev kmod numactl openssh-server linux-image-cloud-amd64 procps iproute2
  chroot "$root" "${install[@]}" -t "$suite-backports" libvirt-daemon-system libvirt-clients qemu-system-x86 qemu-utils
  chroot "$root" apt-get clean
  umount "$root/run" "$root/proc"
  umount -R "$root/dev"
  rm -f "$root/usr/sbin/policy-rc.d"
  settle "$root"
}

# Configuration of the host besides its packages: a name, one address, ssh with our key, and only the services it needs.
settle() {
  local root=$1 units=$1/etc/systemd/system unit
  echo numahost >"$root/etc/hostname"
  printf '127.0.0.1 localhost\n10.0.2.15 numahost\n' >"$root/etc/hosts"
  printf '/dev/vda / ext4 defaults 0 1\n' >"$root/etc/fstab"
  printf '[Match]\nName=e*\n[Network]\nAddress=10.0.2.15/24\n' >"$root/etc/systemd/network/10-lab.network"
  mkdir -p "$units/multi-user.target.wants" "$root/root/.ssh"
  for unit in systemd-networkd ssh; do
    ln -sf "/usr/lib/systemd/system/$unit.service" "$units/multi-user.target.wants/$unit.service"
  done
  for unit in apt-daily.timer apt-daily-upgrade.timer man-db.timer fstrim.timer e2scrub_all.timer dpkg-db-backup.timer \
    systemd-networkd-wait-online.service libvirt-guests.service; do
    ln -sf /dev/null "$units/$unit"
  done
  rm -f "$units/sockets.target.wants/ssh.socket" "$root/usr/lib/systemd/system-generators/systemd-ssh-generator"
  # libvirtd keeps running between commands, and polkit authorizes access as on any such host.
  printf 'LIBVIRTD_ARGS=""\n' >"$root/etc/default/libvirtd"
  install -m 700 -d "$root/root/.ssh"
  install -m 600 "$dir/key.pub" "$root/root/.ssh/authorized_keys"
  ssh-keygen -A -f "$root" >/dev/null
}

if [ "${2:-}" = build ]; then
  build "$dir/root"
  exit
fi

if [ "$(id -u)" != 0 ]; then
  echo 'the emulated host is made with debootstrap and chroot, so this needs root' >&2
  exit 1
fi
version=$(sha256sum <"$self")
[ "$(cat "$dir/made" 2>/dev/null || true)" = "$version" ] && exit 0
for program in debootstrap mke2fs ssh-keygen; do
  command -v "$program" >/dev/null || { apt-get update -q && apt-get install -y -q --no-install-recommends debootstrap e2fsprogs openssh-client; break; }
done
rm -rf "$dir"
mkdir -p "$dir"
ssh-keygen -q -t ed25519 -N '' -f "$dir/key"
unshare --mount --pid --ipc --uts --fork --kill-child --mount-proc bash "$self" "$dir" build
cp "$dir"/root/boot/vmlinuz-*-cloud-amd64 "$dir/vmlinuz"
cp "$dir"/root/boot/initrd.img-*-cloud-amd64 "$dir/initrd.img"
mke2fs -q -F -t ext4 -d "$dir/root" "$dir/disk.img" 5G
rm -rf "$dir/root"
echo "$version" >"$dir/made"

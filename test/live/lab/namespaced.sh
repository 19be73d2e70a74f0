#!/usr/bin/env bash
# Runs a command with a private libvirtd: mounts, processes, network, IPC, host name and control groups are separate, so
# that two labs run on one machine without sharing a guest, a port or a state folder. They still share the host itself:
# its CPUs, its huge pages (/sys/devices/system/node), /dev and /tmp.
# Root, cgroup v1 or v2. Usage: namespaced.sh NAME COMMAND...
# VIRTUNE_LAB_ROOT: the root of another Debian (see newer-libvirt.sh); the command runs in it, with its libvirt. This
# folder, /dev, /sys and /tmp are at the same paths there, and the only Node.js is the one in node_modules.
set -euo pipefail
name=$1
root=${VIRTUNE_LAB_ROOT:-}
shift

# A group per controller, so that libvirt's machine groups of two labs do not collide. A cpuset group starts empty (v1).
enter_groups() {
  local folder
  for folder in /sys/fs/cgroup/*/; do
    [ -f "$folder/cgroup.procs" ] && [ -w "$folder/cgroup.procs" ] || continue
    [ "$(stat -fc %T "$folder")" = cgroupfs ] || continue
    # Leftovers of a killed lab: libvirt would find the groups of guests that no longer exist.
    [ ! -d "$folder/lab-$name" ] || find "$folder/lab-$name" -mindepth 1 -depth -type d -exec rmdir {} + 2>/dev/null || true
    mkdir -p "$folder/lab-$name"
    if [ -f "$folder/cpuset.cpus" ]; then
      cat "$folder/cpuset.cpus" >"$folder/lab-$name/cpuset.cpus"
      cat "$folder/cpuset.mems" >"$folder/lab-$name/cpuset.mems"
    fi
    echo $$ >"$folder/lab-$name/cgroup.procs"
  done
}

# The first process of the new PID namespace: it must reap the orphans of QEMU and libvirtd, which bash does while it
# waits.
inside() {
  ip link set lo up
  hostname "lab-$name"
  # /proc before /run: mount looks at /proc/mounts.
  mount -t proc proc /proc
  # A separate mount, so that everything mounted below it disappears with the namespace.
  [ -z "$root" ] || mount --rbind "$root" "$root"
  mount -t tmpfs -o mode=755 tmpfs "$root/run"
  mkdir -p "$root/run/libvirt" "$root/run/lock"
  local folder copy
  for folder in "$root"/var/lib/libvirt "$root"/etc/libvirt "$root"/var/log/libvirt "$root"/var/cache/libvirt; do
    copy=$(mktemp -d)
    [ -d "$folder" ] && cp -a "$folder/." "$copy/"
    rm -rf "$copy/virtune-lab" "$copy"/qemu/*.xml "$copy/qemu/autostart"
    mkdir -p "$folder"
    mount -t tmpfs -o mode=755 tmpfs "$folder"
    cp -a "$copy/." "$folder/"
    rm -rf "$copy"
  done
  # The groups as this namespace sees them, with its own group as the root.
  for folder in /sys/fs/cgroup/*/; do
    [ "$(stat -fc %T "$folder")" = cgroupfs ] || continue
    folder=${folder%/}
    local controller=${folder##*/} options
    [ "$controller" = systemd ] && options=none,name=systemd || options=$controller
    umount "$folder" && mount -t cgroup -o "$options" cgroup "$folder"
  done
  local status=0 enter=()
  if [ -n "$root" ]; then
    for folder in /dev /sys /tmp "$PWD"; do
      mkdir -p "$root$folder"
      mount --rbind "$folder" "$root$folder"
    done
    mount -t proc proc "$root/proc"
    # QEMU's mount namespace cannot be created in a chroot, and its user there is not in the group of this /dev/kvm:
    # libvirt would probe QEMU again at every call.
    printf 'namespaces = []\nuser = "root"\ngroup = "root"\n' >>"$root/etc/libvirt/qemu.conf"
    enter=(chroot "$root" env -C "$PWD")
  fi
  "${enter[@]}" "$@" & wait $! || status=$?
  exit "$status"
}

if [ "${VIRTUNE_NAMESPACED:-}" = "$name" ]; then
  inside "$@"
else
  enter_groups
  export VIRTUNE_NAMESPACED=$name
  exec unshare --cgroup --mount --net --pid --ipc --uts --fork --kill-child --propagation private \
    bash "${BASH_SOURCE[0]}" "$name" "$@"
fi

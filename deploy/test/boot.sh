#!/usr/bin/env bash
# Boots Debian with systemd in a container, runs a command next to it, and discards all changes. The command gets the
# PID of the container's init in $BOOTED: nsenter --target $BOOTED --all. Needs root on Debian.
# Usage: boot.sh SUITE COMMAND...; the root of SUITE (bookworm, trixie) is created once, which downloads 150 MB.
set -euo pipefail
suite=$1
root=/var/lib/virtune-booted-$suite
shift
# Dependencies of the package and of Ansible, since the container has no network.
packages=systemd,systemd-sysv,init-system-helpers,libatomic1,curl,python3,python3-apt,openssh-server,prometheus

if [ ! -e "$root/.done" ]; then
  for tool in debootstrap systemd-nspawn; do
    command -v "$tool" >/dev/null || { apt-get update -q && apt-get install -y -q --no-install-recommends debootstrap systemd-container && break; }
  done
  mirror=$(grep -hoE 'https?://[^ ]+/debian/?( |$)' /etc/apt/sources.list /etc/apt/sources.list.d/* 2>/dev/null | head -n 1 || true)
  debootstrap --variant=minbase --include="$packages" "$suite" "$root" "${mirror:-http://deb.debian.org/debian}"
  # Units that wait for a network or a console.
  for unit in systemd-networkd-wait-online.service systemd-networkd.service console-getty.service ssh.service ssh.socket \
    apt-daily.timer apt-daily-upgrade.timer; do ln -sf /dev/null "$root/etc/systemd/system/$unit"; done
  # Started on demand by the tests.
  rm -f "$root/etc/systemd/system/multi-user.target.wants/"prometheus*.service
  : >"$root/etc/machine-id"
  touch "$root/.done"
fi

work=$(mktemp -d /tmp/virtune-boot.XXXXXX)
container=
finish() {
  [ -z "$container" ] || { kill "$container" 2>/dev/null && wait "$container" 2>/dev/null; } || true
  rm -rf "$work"
}
trap finish EXIT

systemd-nspawn --quiet --keep-unit --register=no --directory "$root" --volatile=overlay --private-network --boot \
  --hostname "kvm-$suite" >"$work/console" 2>&1 &
container=$!
BOOTED=
for _ in $(seq 60); do
  BOOTED=$(cat "/proc/$container/task/$container/children" 2>/dev/null | tr -d ' ' || true)
  [ -n "$BOOTED" ] && nsenter --target "$BOOTED" --all systemctl is-system-running 2>/dev/null | grep -qE 'running|degraded' && break
  kill -0 "$container" 2>/dev/null || { cat "$work/console" >&2 && exit 1; }
  sleep 1
done
export BOOTED
"$@"

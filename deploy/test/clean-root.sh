#!/usr/bin/env bash
# Tests the packages in a clean Debian: installs the deb, scrapes the exporter as the package's user, upgrades, removes,
# purges; then the same with the rpm. Needs root on Debian; takes half a minute after the first run, which downloads 100
# MB.
# Usage: clean-root.sh SUITE DEB RPM; SUITE is bookworm or trixie.
set -euo pipefail
suite=$1 root=/var/lib/virtune-clean-$1 deb=$(realpath "$2") rpm=$(realpath "$3")
here=$(realpath "$(dirname "$0")")

if [ ! -e "$root/.done" ]; then
  for tool in debootstrap rpm; do
    command -v "$tool" >/dev/null || { apt-get update -q && apt-get install -y -q --no-install-recommends debootstrap rpm && break; }
  done
  mirror=$(grep -hoE 'https?://[^ ]+/debian/?( |$)' /etc/apt/sources.list /etc/apt/sources.list.d/* 2>/dev/null | head -n 1 || true)
  # Dependencies of the package, since the test has no network.
  debootstrap --variant=minbase --include=systemd,init-system-helpers,libatomic1,curl "$suite" "$root" "${mirror:-http://deb.debian.org/debian}"
  printf '#!/bin/sh\nexit 101\n' >"$root/usr/sbin/policy-rc.d"
  chmod +x "$root/usr/sbin/policy-rc.d"
  touch "$root/.done"
fi
exec unshare --mount --net --pid --ipc --uts --fork --kill-child --propagation private \
  bash "$here/in-clean-root.sh" "$root" "$deb" "$rpm"

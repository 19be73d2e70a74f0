#!/usr/bin/env bash
# Tests the arm64 builds in user-mode emulation: the executable starts in the root file system of its image and shows
# the simulated host; deb and rpm have the right architecture. Needs root on Debian; takes minutes.
set -euo pipefail
apt-get install -y -q --no-install-recommends binutils-aarch64-linux-gnu qemu-user-static rpm
for what in executable image packages; do node "build/$what.ts" arm64; done
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/layout" "$work/root"
tar -xf build/out/virtune-*-image-arm64.tar -C "$work/layout"
for layer in $(grep -o '"blobs/sha256/[0-9a-f]*"' "$work/layout/manifest.json" | tail -n +2 | tr -d '"'); do tar -xzf "$work/layout/$layer" -C "$work/root"; done
virtune=(qemu-aarch64-static -L "$work/root" "$work/root/usr/bin/virtune")
"${virtune[@]}" --version
"${virtune[@]}" top --demo --once --no-config >"$work/top"
grep '^NAME' "$work/top"
[ "$(dpkg-deb --field build/out/virtune_*_arm64.deb Architecture)" = arm64 ]
[ "$(rpm --query --package --queryformat '%{ARCH}' build/out/virtune-*.aarch64.rpm)" = aarch64 ]

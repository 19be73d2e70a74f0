#!/usr/bin/env bash
# Tests the image without a container runtime: unpacks its layers, makes the result read-only, and runs virtune in it as
# the image's user: metrics on the port, top and a plan, of the libvirt that the image simulates. Needs root; takes
# seconds.
# Usage: image-root.sh ARCHIVE
set -euo pipefail
archive=$(realpath "$1")
if [ -z "${VIRTUNE_UNSHARED:-}" ]; then
  exec env VIRTUNE_UNSHARED=1 unshare --mount --net --pid --ipc --uts --fork --kill-child --propagation private bash "$0" "$@"
fi
ip link set lo up
work=$(mktemp -d)
mount -t tmpfs tmpfs "$work"
mkdir "$work/layout" "$work/root"
root=$work/root
tar -xf "$archive" -C "$work/layout"
for layer in $(grep -o '"blobs/sha256/[0-9a-f]*"' "$work/layout/manifest.json" | tail -n +2 | tr -d '"'); do tar -xzf "$work/layout/$layer" -C "$root"; done
mount --bind "$root" "$root"
mount -t proc proc "$root/proc"
mount -t tmpfs -o mode=1777 tmpfs "$root/run/libvirt"
mount -o remount,bind,ro "$root"
as_the_image() { exec env -i TMPDIR=/run/libvirt /usr/sbin/chroot --userspec=65534:65534 "$root" /usr/bin/virtune "$@"; }

as_the_image demo --scenario untuned --listen 127.0.0.1:9178 2>"$work/demo" & demo=$!
for _ in $(seq 60); do grep -q 'simulated libvirt' "$work/demo" && break; kill -0 "$demo" || { cat "$work/demo" >&2 && exit 1; }; sleep 1; done
for name in libvirt-sock libvirt-sock-ro; do (cd "$root/run/libvirt" && ln -s */libvirt-sock "$name"); done
as_the_image exporter --listen :9177 & exporter=$!
for _ in $(seq 60); do curl -sf -o "$work/metrics" http://127.0.0.1:9177/metrics && break; kill -0 "$exporter"; sleep 1; done
grep -q '^libvirt_up 1' "$work/metrics"
grep -q '^libvirt_domain_vcpu_delay_seconds_total' "$work/metrics"
(as_the_image top --once) | grep '^NAME' >/dev/null
(as_the_image tune plan pg-orders --profile oltp-database) | grep pg-orders >/dev/null
printf 'in the root file system of the image: %d lines of metrics\n' "$(wc -l <"$work/metrics")"
kill "$exporter" "$demo"

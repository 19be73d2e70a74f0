#!/usr/bin/env bash
# Runs a simulated libvirt on the booted root $BOOTED (boot.sh), on the sockets of a real one.
# Usage: simulated-libvirt.sh EXECUTABLE
set -euo pipefail
within() { nsenter --target "$BOOTED" --all env -i PATH="$PATH" "$@"; }
within sh -c 'cat >/opt/simulated && chmod 755 /opt/simulated && mkdir -m 755 -p /run/libvirt' <"$1"
within systemd-run --quiet --unit simulated --setenv TMPDIR=/run/libvirt /opt/simulated demo --scenario untuned --listen 127.0.0.1:9178
for _ in $(seq 60); do socket=$(within find /run/libvirt -type s | head -n 1) && [ -n "$socket" ] && break; sleep 1; done
within sh -ec "chmod 755 \$(dirname $socket); chmod 666 $socket; for name in libvirt-sock libvirt-sock-ro; do ln -s $socket /run/libvirt/\$name; done"

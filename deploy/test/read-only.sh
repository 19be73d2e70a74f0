#!/usr/bin/env bash
# Tests virtune where nothing is writable: with a read-only root file system, as nobody and without an environment. In a
# separate mount namespace, as root: unshare --mount bash read-only.sh VIRTUNE FOLDER
# FOLDER receives the output of the commands.
set -euo pipefail
virtune=$1 out=$2
# Uses exec, so that the shell's PID becomes virtune's.
stranger() { exec env -i setpriv --reuid=nobody --regid=nogroup --clear-groups "$@"; }
port=19178
# For temporary files of bash itself.
export TMPDIR=/run

mount -t tmpfs -o mode=1777 tmpfs /run
stranger env TMPDIR=/run "$virtune" demo --scenario untuned --listen 127.0.0.1:0 2>/run/demo & demo=$!
exporter=
trap 'kill $demo $exporter' EXIT
for _ in $(seq 60); do grep -q 'simulated libvirt' /run/demo && break; kill -0 "$demo"; sleep 1; done
uri=$(grep -o 'qemu:///\S*' /run/demo | head -n 1)
chmod 755 /run
mount -o remount,bind,ro /
if touch "$out/written" 2>/dev/null; then echo "$out is not read-only" >&2 && exit 1; fi

shows() { # PATTERN COMMAND...
  local pattern=$1 printed
  shift
  printed=$(stranger "$@") || { echo "$* failed: $printed" >&2 && exit 1; }
  grep -qE "$pattern" <<<"$printed" || { printf '%s printed no %s:\n%s\n' "$*" "$pattern" "$printed" >&2 && exit 1; }
}

shows '^NAME' "$virtune" top --connect "$uri" --once
shows 'pg-orders' "$virtune" tune plan pg-orders --connect "$uri" --profile oltp-database
shows 'oltp-database' "$virtune" tune profiles
shows '^[0-9]+\.[0-9]+\.[0-9]+' "$virtune" --version
stranger "$virtune" exporter --connect "$uri" --listen "127.0.0.1:$port" & exporter=$!
for _ in $(seq 60); do
  metrics=$(curl -sf "http://127.0.0.1:$port/metrics") && grep -q '^libvirt_up 1' <<<"$metrics" && break
  sleep 1
done
grep -q '^libvirt_domain_vcpu_delay_seconds_total' <<<"$metrics"
printf 'on a read-only file system, as nobody: %d series\n' "$(grep -vc '^#' <<<"$metrics")"

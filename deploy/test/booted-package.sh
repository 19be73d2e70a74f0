#!/usr/bin/env bash
# The deb under systemd, on a booted Debian with a simulated libvirt: apt installs it, the exporter serves figures as its user,
# units that are not enabled do their work when asked to, and a removal stops everything.
# Usage: boot.sh SUITE bash booted-package.sh DEB EXECUTABLE
set -euo pipefail
trap 'echo "line $LINENO: $BASH_COMMAND failed" >&2' ERR
deb=$1
within() { nsenter --target "$BOOTED" --all env -i PATH="$PATH" "$@"; }
step() { printf '%s\n' "- $*"; }
serves() { for _ in $(seq 60); do within curl -sf http://127.0.0.1:9177/metrics | grep "$1" >/dev/null && return; sleep 1; done; return 1; }
bash "$(dirname "$0")/simulated-libvirt.sh" "$2"

step 'apt install ./virtune.deb, and figures are on the port'
within sh -c 'cat >/root/virtune.deb' <"$deb"
within env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends /root/virtune.deb >/dev/null
serves '^libvirt_up 1'
serves '^libvirt_domain_vcpu_delay_seconds_total'
within systemctl is-active --quiet virtune-exporter.service
within systemctl is-enabled --quiet virtune-exporter.service
process=$(within systemctl show --property MainPID --value virtune-exporter)
within ps -o user=,rss=,args= -p "$process"
[ "$(within ps -o user= -p "$process")" = virtune ]

step 'systemd that runs the unit finds little in it open to an attacker'
within systemd-analyze security --no-pager --threshold=20 virtune-exporter.service | tail -n 1

step 'a reload in the first moments of a start does not leave it dead'
within sh -c 'systemctl restart virtune-exporter.service && systemctl kill --signal HUP virtune-exporter.service'
serves '^libvirt_up 1'

step 'the drift check records for the exporter'
within systemctl start virtune-drift.service
within test -s /run/virtune/drift.json

step 'behind its socket the exporter starts with the first scrape'
within sh -c 'echo ARGS=--web.systemd-socket >/etc/default/virtune-exporter && systemctl stop virtune-exporter.service && systemctl start virtune-exporter.socket'
if within systemctl is-active --quiet virtune-exporter.service; then exit 1; fi
serves '^libvirt_up 1'

step 'a removal stops it'
within apt-get remove -y -q virtune >/dev/null
if within curl -sf -o /dev/null http://127.0.0.1:9177/metrics; then exit 1; fi
[ -z "$(within systemctl list-units --no-legend --plain 'virtune-*')" ]
[ "$(within systemctl is-system-running)" = running ]
echo 'the deb installs, runs and goes under systemd as it should'

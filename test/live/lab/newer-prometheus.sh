#!/usr/bin/env bash
# Installs Prometheus, promtool and Alertmanager of Debian's testing release beside the installed ones: put
# FOLDER/usr/bin first in PATH to use them (seen: 3.5.3 and 0.33.1). They are Go programs that only need a C library.
# What exists is kept.
# Root, on Debian; half a minute, 300 MB. Usage: newer-prometheus.sh FOLDER
set -euo pipefail
folder=$1
suite=forky
packages=(prometheus promtool prometheus-alertmanager)
[ -e "$folder/.done" ] && exit 0
mirror=$(grep -hoE 'https?://[^ ]+/debian/?( |$)' /etc/apt/sources.list /etc/apt/sources.list.d/* 2>/dev/null | head -n 1 || true)
mirror=${mirror:-http://deb.debian.org/debian}
mkdir -p "$folder"/apt/{lists/partial,cache/archives/partial,empty}
printf 'deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] %s %s main\n' "$mirror" "$suite" >"$folder/apt/sources.list"
apt=(apt-get -q -o Dir::Etc::SourceList="$folder/apt/sources.list" -o Dir::Etc::SourceParts="$folder/apt/empty"
  -o Dir::State::Lists="$folder/apt/lists" -o Dir::Cache="$folder/apt/cache" -o APT::Sandbox::User=root)
"${apt[@]}" update
(cd "$folder/apt" && "${apt[@]}" download "${packages[@]}")
for each in "$folder"/apt/*.deb; do dpkg-deb -x "$each" "$folder"; done
rm -r "$folder/apt"
touch "$folder/.done"
"$folder/usr/bin/prometheus" --version | head -n 1

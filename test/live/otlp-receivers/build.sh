#!/usr/bin/env bash
# Two real receivers of OTLP, of the released Go modules that their go.mod name: an OpenTelemetry Collector
# (FOLDER/collector) and Prometheus' receiver, storage and queries (FOLDER/prometheus). What is there already for these
# modules stays. Needs Go and its module proxy; minutes the first time. Usage: build.sh FOLDER
set -euo pipefail
folder=$1
cd "$(dirname "$0")"
mkdir -p "$folder"
# Two at once would build the same twice.
exec 9>"$folder/lock"
flock 9
for each in collector prometheus; do
  version=$(cat "$each"/go.mod "$each"/go.sum "$each"/main.go | sha256sum | cut -c 1-16)
  [ "$(cat "$folder/$each.version" 2>/dev/null)" = "$version" ] && continue
  (cd "$each" && go build -ldflags='-s -w' -o "$folder/$each" .)
  printf '%s\n' "$version" >"$folder/$each.version"
done

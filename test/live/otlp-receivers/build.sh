#!/usr/bin/env bash
# Builds two real OTLP receivers from the released Go modules named in their go.mod: an OpenTelemetry Collector
# (FOLDER/collector) and Prometheus' receiver, storage and queries (FOLDER/prometheus). What was built from the same
# modules is kept. Needs Go and its module proxy; minutes the first time. Usage: build.sh FOLDER
set -euo pipefail
folder=$1
cd "$(dirname "$0")"
mkdir -p "$folder"
# Prevents two concurrent runs from building the same.
exec 9>"$folder/lock"
flock 9
for each in collector prometheus; do
  version=$(cat "$each"/go.mod "$each"/go.sum "$each"/main.go | sha256sum | cut -c 1-16)
  [ "$(cat "$folder/$each.version" 2>/dev/null)" = "$version" ] && continue
  (cd "$each" && go build -ldflags='-s -w' -o "$folder/$each" .)
  printf '%s\n' "$version" >"$folder/$each.version"
done

#!/usr/bin/env bash
# Builds the exporters that `npm run bench -- peers` compares with, at pinned commits: inovex' (pure Go) and Tinkoff's
# (cgo, needs libvirt-dev). What is already built is kept. A checkout in FOLDER/src/NAME is used unchanged. Usage:
# build.sh FOLDER
set -euo pipefail
folder=$1
mkdir -p "$folder/src"
command -v go >/dev/null || { echo 'build.sh: Go is missing; install it, see https://go.dev/doc/install' >&2 && exit 1; }

# build NAME REPOSITORY COMMIT [GO FLAG]
build() {
  local source="$folder/src/$1"
  [ -x "$folder/$1" ] && return
  [ -d "$source" ] || git clone -q "$2" "$source"
  git -C "$source" checkout -q "$3"
  (cd "$source" && GOFLAGS=${4:-} go build -ldflags='-s -w' -o "$folder/$1" .)
}

pkg-config --exists libvirt || apt-get install -y -q --no-install-recommends libvirt-dev pkg-config gcc
build inovex https://github.com/inovex/prometheus-libvirt-exporter 8dbcadd
build tinkoff https://github.com/Tinkoff/libvirt-exporter a9612be -mod=vendor

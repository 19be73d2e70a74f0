#!/usr/bin/env bash
# deploy/container/build.sh [TAG]: the image, on the base image that Dockerfile names, by its digest. The digest is printed and
# kept as a label; build with `BASE=node@sha256:...` to have the same base again.
set -euo pipefail
cd "$(dirname "$0")/../.."
tag=${1:-virtune}
base=${BASE:-}
if [ -z "$base" ]; then
  image=$(sed -n 's/^ARG NODE_IMAGE=//p' deploy/container/Dockerfile)
  docker pull --quiet "$image" >/dev/null
  base=$(docker image inspect --format '{{index .RepoDigests 0}}' "$image")
fi
case $base in
*@sha256:*) ;;
*) echo "deploy/container/build.sh: $base is not an image by digest (NAME@sha256:...)" >&2 && exit 2 ;;
esac
docker build -f deploy/container/Dockerfile --build-arg "NODE_IMAGE=$base" \
  --label "org.opencontainers.image.base.name=$base" -t "$tag" .
# As it is meant to run: nothing writable, no capability, not root. The Node.js is that of the lockfile.
run=(docker run --rm --read-only --cap-drop ALL --security-opt no-new-privileges --network none)
wanted=$(sed -n '/"node_modules\/node": {/,/}/s/.*"version": "\(.*\)".*/v\1/p' package-lock.json)
found=$("${run[@]}" --entrypoint node "$tag" --version)
[ "$found" = "$wanted" ] || { echo "deploy/container/build.sh: the image has Node.js $found, package-lock.json has $wanted" >&2 && exit 1; }
[ "$("${run[@]}" --entrypoint id "$tag" -u)" = 65534 ]
"${run[@]}" "$tag" --version
echo "$tag on $base"

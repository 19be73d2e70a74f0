#!/usr/bin/env bash
# Tests the image in a container: skopeo verifies every blob by its digest, and podman runs it read-only, as nobody,
# without capabilities and with the folder of libvirt's socket mounted: metrics on the port, top and tune plan. Needs
# root on Debian; takes half a minute. Usage: image.sh ARCHIVE [FOLDER]; FOLDER contains the socket of a libvirtd:
# without it, the image itself simulates one.
set -euo pipefail
archive=$(realpath "$1") folder=${2:-}
for tool in skopeo podman crun; do
  command -v "$tool" >/dev/null || { apt-get update -q && apt-get install -y -q --no-install-recommends skopeo podman crun && break; }
done
if [ -z "${VIRTUNE_UNSHARED:-}" ]; then
  exec env VIRTUNE_UNSHARED=1 unshare --mount --net --pid --ipc --uts --fork --kill-child --mount-proc --propagation private bash "$0" "$@"
fi
ip link set lo up
# crun rejects cgroup v1 and v2 mounted side by side.
umount --recursive /sys/fs/cgroup && mount -t cgroup2 cgroup2 /sys/fs/cgroup
work=$(mktemp -d)
mount -t tmpfs tmpfs "$work"
step() { printf '%s\n' "- $*"; }

step 'every blob has the digest that names it'
skopeo copy --quiet "oci-archive:$archive" "oci:$work/copy:virtune"
skopeo inspect --format '{{.Digest}} {{.Architecture}} {{.Created}}' "oci-archive:$archive"
skopeo copy --quiet "docker-archive:$archive" "oci:$work/docker:virtune"

step 'podman loads it'
podman=(podman --root "$work/storage" --runroot "$work/run" --storage-driver overlay --runtime crun --cgroup-manager cgroupfs --events-backend none)
"${podman[@]}" load --quiet --input "$archive"
image=virtune:$("${podman[@]}" images --format '{{.Tag}}')
run=("${podman[@]}" run --rm --quiet --network host --cgroups disabled --read-only --read-only-tmpfs=false --cap-drop ALL --security-opt no-new-privileges)
[[ $("${run[@]}" "$image" --version) =~ ^[0-9]+\.[0-9]+\.[0-9]+ ]]

simulated=
if [ -z "$folder" ]; then
  step 'a simulated libvirt, by the image'
  folder=$work/libvirt
  install -d -o 65534 -g 65534 "$folder"
  "${run[@]}" --name libvirt --volume "$folder:/run/libvirt" --env TMPDIR=/run/libvirt "$image" demo --scenario untuned --listen 127.0.0.1:9178 \
    2>"$work/demo" & demo=$!
  for _ in $(seq 60); do grep -q 'simulated libvirt' "$work/demo" && break; kill -0 "$demo" || { cat "$work/demo" >&2 && exit 1; }; sleep 1; done
  for name in libvirt-sock libvirt-sock-ro; do (cd "$folder" && ln -s */libvirt-sock "$name"); done
  simulated=yes
fi
run+=(--volume "$folder:/run/libvirt:ro")

step 'figures on the port, by the command of the image'
"${run[@]}" --name exporter "$image" & exporter=$!
for _ in $(seq 60); do curl -sf -o "$work/metrics" http://127.0.0.1:9177/metrics && break; kill -0 "$exporter"; sleep 1; done
grep -q '^libvirt_up 1' "$work/metrics"
wc -l <"$work/metrics"
process=$("${podman[@]}" inspect --format '{{.State.Pid}}' exporter)
grep -E '^(Uid|CapBnd|NoNewPrivs|Seccomp):' "/proc/$process/status"
grep -q '^Uid:	65534	65534' "/proc/$process/status"
grep -q '^CapBnd:	0*$' "/proc/$process/status"
if touch "/proc/$process/root/written" 2>/dev/null; then echo 'the root file system can be written' >&2 && exit 1; fi

step 'top, and a plan'
"${run[@]}" "$image" top --once >"$work/top"
grep -q '^NAME' "$work/top"
if [ -n "$simulated" ]; then
  "${run[@]}" "$image" tune plan pg-orders --profile oltp-database >"$work/plan"
  grep -q pg-orders "$work/plan"
fi

step 'it ends when it is stopped'
"${podman[@]}" stop --time 10 exporter >/dev/null
wait "$exporter"
echo 'the image runs as it should'

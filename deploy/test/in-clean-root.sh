#!/usr/bin/env bash
# The part of clean-root.sh that runs in its namespaces. The root is an overlay, so that it stays unchanged; /dev is
# separate, so that no package can modify the machine's. Usage: in-clean-root.sh ROOT DEB RPM
set -euo pipefail
lower=$1 deb=$2 rpm=$3
work=$(mktemp -d)
ip link set lo up
mount -t tmpfs tmpfs "$work"
mkdir "$work"/{upper,scratch,root}
mount -t overlay -o "lowerdir=$lower,upperdir=$work/upper,workdir=$work/scratch" overlay "$work/root"
root=$work/root
mount -t tmpfs -o mode=755 dev "$root/dev"
for node in null zero full random urandom tty; do touch "$root/dev/$node" && mount --bind "/dev/$node" "$root/dev/$node"; done
mount -t proc proc "$root/proc"
mount -t tmpfs -o mode=755 tmpfs "$root/run"
mount -t tmpfs -o mode=1777 tmpfs "$root/tmp"
mkdir "$root/packages"
cp "$deb" "$root/packages/virtune.deb"
export DEBIAN_FRONTEND=noninteractive
within() { chroot "$root" "$@"; }
has() { [ -e "$root/$1" ] || [ -L "$root/$1" ] || { echo "the package has no $1" >&2 && exit 1; }; }
gone() { [ ! -e "$root/$1" ] && [ ! -L "$root/$1" ] || { echo "$1 was left behind" >&2 && exit 1; }; }
step() { printf '%s\n' "- $*"; }

step 'dpkg installs it'
within dpkg --install /packages/virtune.deb >"$work/dpkg" 2>&1 || { cat "$work/dpkg" >&2 && exit 1; }

step 'files, user and folders'
for file in usr/bin/virtune usr/lib/systemd/system/virtune-exporter.service usr/lib/systemd/system/virtune-exporter.socket \
  usr/lib/systemd/system/virtune-drift.timer usr/lib/systemd/system/virtune-watch.service etc/virtune var/lib/virtune \
  etc/systemd/system/multi-user.target.wants/virtune-exporter.service usr/share/man/man1/virtune-top.1 \
  usr/share/bash-completion/completions/virtune usr/share/zsh/vendor-completions/_virtune usr/share/polkit-1/rules.d/49-virtune.rules; do has "$file"; done
within id virtune
[ "$(within stat -c '%U:%G %a' /etc/virtune)" = 'root:virtune 750' ]
[ -z "$(within dpkg --verify virtune)" ]
printf x >>"$root/usr/share/doc/virtune/LICENSE"
[[ $(within dpkg --verify virtune) == *LICENSE ]]
within bash -ec 'systemd-analyze verify --man=no /usr/lib/systemd/system/virtune-*.{service,socket,timer}'

step 'figures on the port, as the unit starts it'
as_virtune() { exec env -i /usr/sbin/chroot --userspec=virtune:virtune "$root" "$@"; }
as_virtune /usr/bin/virtune demo --scenario untuned --listen 127.0.0.1:9178 2>"$work/demo" & demo=$!
for _ in $(seq 60); do grep -q "simulated libvirt" "$work/demo" && break; kill -0 "$demo" || { cat "$work/demo" >&2 && exit 1; }; sleep 1; done
uri=$(grep -o 'qemu:///\S*' "$work/demo" | head -n 1)
command=$(sed -n 's/^ExecStart=//p' "$root/usr/lib/systemd/system/virtune-exporter.service" | sed 's/ \$[A-Z_]*//g')
# shellcheck disable=SC2086 # as systemd splits it
as_virtune $command --connect "$uri" & exporter=$!
for _ in $(seq 60); do within curl -sf -o /tmp/metrics http://127.0.0.1:9177/metrics && break; kill -0 "$exporter"; sleep 1; done
grep -q '^libvirt_up 1' "$root/tmp/metrics"
grep -q '^libvirt_domain_vcpu_delay_seconds_total' "$root/tmp/metrics"
wc -l "$root/tmp/metrics"
(as_virtune /usr/bin/virtune top --connect "$uri" --once) | grep '^NAME' >/dev/null
(as_virtune /usr/bin/virtune tune plan pg-orders --connect "$uri" --profile oltp-database) | grep pg-orders >/dev/null
kill "$exporter" "$demo"
wait "$exporter"

step 'an upgrade keeps a changed /etc/default/virtune-exporter'
echo 'ARGS=--listen :9200' >"$root/etc/default/virtune-exporter"
within dpkg --install /packages/virtune.deb >/dev/null
grep -q 9200 "$root/etc/default/virtune-exporter"

step 'a removal leaves configuration, and an installation after it what was enabled and disabled before'
links=etc/systemd/system
within systemctl --quiet enable virtune-watch.service virtune-exporter.socket
within systemctl --quiet disable virtune-exporter.service
within dpkg --remove virtune >/dev/null
gone usr/bin/virtune
gone usr/lib/systemd/system/virtune-exporter.service
has etc/default/virtune-exporter
within dpkg --install /packages/virtune.deb >/dev/null
states=$(for unit in virtune-exporter.socket virtune-exporter.service virtune-drift.timer virtune-watch.service; do within systemctl is-enabled $unit || true; done | tr '\n' ' ')
[ "$states" = 'enabled disabled disabled enabled ' ] || { echo "after removal and installation: $states" >&2 && exit 1; }

step 'a purge leaves nothing, and an installation after it is the first'
within systemctl --quiet enable virtune-drift.timer
within dpkg --purge virtune >/dev/null
gone etc/default/virtune-exporter
gone etc/virtune
gone $links/multi-user.target.wants/virtune-exporter.service
gone $links/multi-user.target.wants/virtune-watch.service
within dpkg --install /packages/virtune.deb >/dev/null
has $links/multi-user.target.wants/virtune-exporter.service
gone $links/multi-user.target.wants/virtune-watch.service
within dpkg --purge virtune >/dev/null
left=$(within find / -xdev -iname '*virtune*' -not -path '/packages/*' -not -path '/proc/*' -not -path '/tmp/*' -print)
[ -z "$left" ] || { printf 'left behind:\n%s\n' "$left" >&2 && exit 1; }

step 'the rpm has the same files, zsh completion apart, and installs, upgrades and erases them'
rpms() { rpm --root "$root" --nodeps "$@"; }
dpkg-deb --fsys-tarfile "$deb" | tar -t | grep -v '/$' | sed 's|^\.||; s|/zsh/vendor-completions/|/zsh/site-functions/|' | sort >"$work/deb-files"
rpm --query --package --list "$rpm" | sort | diff "$work/deb-files" -
rpms --install "$rpm"
# Ansible uses it to distinguish builds of the same version.
build=$(rpm --query --package --queryformat '%{SHA256HEADER}' "$rpm")
[[ $build =~ ^[0-9a-f]{64}$ && $(rpm --root "$root" --query --queryformat '%{SHA256HEADER}' virtune) == "$build" ]]
# Enabled according to the host's presets: on this one, every unit that is not listed.
has $links/multi-user.target.wants/virtune-exporter.service
within systemctl --quiet enable virtune-watch.service
within virtune --version
(as_virtune /usr/bin/virtune top --demo --once) | grep '^NAME' >/dev/null
[ "$(within stat -c '%U:%G %a' /etc/virtune)" = 'root:virtune 750' ]
echo 'ARGS=--listen :9200' >"$root/etc/default/virtune-exporter"
rpms --upgrade --force "$rpm"
grep -q 9200 "$root/etc/default/virtune-exporter"
rpms --erase virtune
gone usr/bin/virtune
gone usr/lib/systemd/system/virtune-exporter.service
has etc/default/virtune-exporter.rpmsave
for unit in virtune-exporter virtune-watch; do gone $links/multi-user.target.wants/$unit.service; done
echo 'deb and rpm install, upgrade and go as they should'

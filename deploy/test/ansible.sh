#!/usr/bin/env bash
# Tests the Ansible role over ssh on a booted Debian with a simulated libvirt: check mode changes nothing, the first run
# installs and tunes, the second is a no-op, and a changed variable changes only what it affects. Usage: boot.sh SUITE
# bash ansible.sh ARTIFACT EXECUTABLE [DEB], where ARTIFACT is what the role installs: a deb, or the executable, which
# DEB replaces in the end.
set -euo pipefail
artifact=$(realpath "$1")
top=$(realpath "$(dirname "$0")/../..")
for tool in ansible-playbook ssh openssl; do
  command -v "$tool" >/dev/null || { apt-get update -q && apt-get install -y -q --no-install-recommends ansible-core openssh-client openssl && break; }
done
work=$(mktemp -d)
# A persistent ssh connection would delay the host's shutdown.
finish() {
  local socket
  for socket in "$work"/connections/*; do [ ! -S "$socket" ] || ssh -o ControlPath="$socket" -O exit kvm1 2>/dev/null || true; done
  rm -rf "$work"
}
trap finish EXIT
trap 'echo "line $LINENO: $BASH_COMMAND failed" >&2' ERR
within() { nsenter --target "$BOOTED" --all env -i PATH="$PATH" "$@"; }
step() { printf '%s\n' "- $*"; }

step 'a host with ssh, a Prometheus and a simulated libvirt'
ssh-keygen -q -t ed25519 -N '' -f "$work/key"
within sh -c 'mkdir -p /run/sshd /root/.ssh && cat >/root/.ssh/authorized_keys' <"$work/key.pub"
bash "$top/deploy/test/simulated-libvirt.sh" "$2"
within sh -ec 'echo "{ rule_files: [/etc/prometheus/rules/*.yaml] }" >/etc/prometheus/prometheus.yml && systemctl start prometheus'

cat >"$work/ssh" <<END
#!/bin/sh
exec nsenter --target $BOOTED --all /usr/sbin/sshd -i
END
chmod 755 "$work/ssh"
cat >"$work/hosts.yml" <<END
kvm: { hosts: { kvm1: } }
prometheus: { hosts: { kvm1: } }
all:
  vars:
    ansible_user: root
    ansible_python_interpreter: /usr/bin/python3
    ansible_ssh_private_key_file: $work/key
    ansible_ssh_common_args: -o ProxyCommand=$work/ssh -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null
    virtune_artifact: $artifact
    virtune_exporter_config: { collect: { kvm: true } }
    virtune_exporter_inspects_qemu: true
    virtune_exporter_args: [--collect.threads, --collect.numa]
    virtune_profiles:
      # Nothing that needs CPUs: of these the host has those of this machine.
      site: { title: Ours, knobs: { balloon.statsPeriod: { value: 7, why: a test, source: judgement } } }
    virtune_assignments: { assign: [{ domain: [pg-orders, web-01], profile: site }] }
    virtune_tune: apply
    virtune_tune_args: [--no-host]
    virtune_targets_file: /etc/prometheus/virtune.json
    virtune_targets: [{ targets: [kvm1:9177], labels: { cluster: a } }]
END

# play CHANGED [ARGUMENT...]: runs the playbook, which must succeed; the number of changed tasks must match CHANGED.
play() {
  local wanted=$1 recap
  shift
  # Other tests may have persistent connections to a host of the same name.
  ANSIBLE_SSH_CONTROL_PATH_DIR="$work/connections" ANSIBLE_RETRY_FILES_ENABLED=0 ANSIBLE_NOCOWS=1 ANSIBLE_PIPELINING=1 ansible-playbook -i "$work/hosts.yml" "$top/deploy/ansible/site.yml" "$@" >"$work/log" 2>&1 ||
    { cat "$work/log" >&2 && return 1; }
  recap=$(grep -oE 'ok=.*' "$work/log")
  echo "  $recap"
  [[ $recap =~ changed=$wanted\  ]] || { grep -B1 -E '^changed' "$work/log" >&2 && echo "changed should be $wanted" >&2 && return 1; }
}

step 'check mode, before anything is there'
play '[1-9][0-9]*' --check
if within test -e /usr/bin/virtune; then echo 'check mode has installed virtune' >&2 && exit 1; fi

step 'the first run'
play '[1-9][0-9]*'
within systemctl is-active --quiet virtune-exporter.service virtune-drift.timer
[ "$(within systemctl show --property User --value virtune-exporter)" = virtune ]
within curl -sf http://127.0.0.1:9177/metrics >"$work/metrics"
grep -q '^libvirt_up 1' "$work/metrics"
within /usr/bin/virtune tune verify pg-orders web-01
rules() { within curl -s http://127.0.0.1:9090/api/v1/rules | grep -o '"type":"alerting"' | wc -l; }
for _ in $(seq 60); do [ "$(rules)" -gt 40 ] && break; sleep 1; done
[ "$(rules)" -gt 40 ]

step 'the second run'
play 0

profile() { printf '{"title": "Ours", "knobs": {"balloon.statsPeriod": {"value": %s, "why": "a test", "source": "judgement"}}}' "$1"; }
kept() { # The profiles on the host are those of the first run, and nothing lies beside them.
  within grep -q 'value: 7' /etc/virtune/profiles/site.yaml
  [ "$(within ls /etc/virtune/profiles)" = site.yaml ]
  [ -z "$(within find /tmp -maxdepth 1 -name 'virtune.*')" ]
}

step 'check mode plans with the profiles of the play, and leaves those of the host'
play '[1-9]' --check -e "{\"virtune_profiles\": {\"site\": $(profile 9), \"added\": $(profile 11)}, \"virtune_assignments\":
  {\"assign\": [{\"domain\": \"pg-orders\", \"profile\": \"site\"}, {\"domain\": \"web-01\", \"profile\": \"added\"}]}}"
for seconds in 9 11; do grep -E "balloon.*[^0-9]$seconds([^0-9]|\$)" "$work/log"; done
kept

step 'a broken profile fails the play, and is not written'
if play '[1-9]' -e '{"virtune_profiles": {"site": {"title": "Ours", "knobs": {"no.such": {"value": 1}}}}}' 2>"$work/refused"; then
  echo 'a broken profile was accepted' >&2 && exit 1
fi
grep -q 'Check your profiles' "$work/refused"
kept

step 'a changed flag restarts the exporter, and nothing else changes'
before=$(within systemctl show --property MainPID --value virtune-exporter)
play 2 -e '{"virtune_exporter_args": ["--collect.threads"]}'
[ "$(within systemctl show --property MainPID --value virtune-exporter)" != "$before" ]

step 'a changed configuration is reloaded without a restart'
before=$(within systemctl show --property MainPID --value virtune-exporter)
play 2 -e '{"virtune_exporter_args": ["--collect.threads"], "virtune_exporter_config": {"maintenance": true}}'
[ "$(within systemctl show --property MainPID --value virtune-exporter)" = "$before" ]
within curl -sf http://127.0.0.1:9177/metrics >"$work/metrics"
grep -q '^virtune_host_maintenance.* 1$' "$work/metrics"

step 'a wrong configuration fails the play, and the exporter serves on'
if play 2 -e '{"virtune_exporter_args": ["--collect.threads"], "virtune_exporter_config": {"maintenence": true}}' 2>"$work/refused"; then
  echo 'a wrong configuration was accepted' >&2 && exit 1
fi
grep -q 'Check that the exporter serves metrics' "$work/refused"
within curl -sf -o /dev/null http://127.0.0.1:9177/metrics

# answers STATUS ARGUMENT...: checks the HTTP status that curl gets; 000 if the exporter does not speak that protocol.
answers() {
  local wanted=$1 got
  shift
  got=$(within curl -sk -o /dev/null -w '%{http_code}' "$@" || true)
  [ "$got" = "$wanted" ] || { echo "curl $* got $got, and should get $wanted" >&2 && return 1; }
}
flags='"virtune_exporter_args": ["--collect.threads"]'
# shellcheck disable=SC2016 # bcrypt's dollars; the password is `right`
users='"basic_auth_users": {"prometheus": "$2b$04$m5O9B5.p7bKqRftcJ2SAJOl7VPDHqXGaHxE/ksr90rNaszOPHTPG."}'
web() { printf '{%s, "virtune_exporter_web_config": {%s}}' "$flags" "$1"; }
plain=http://127.0.0.1:9177/metrics tls=https://127.0.0.1:9177/metrics
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=kvm1 -keyout "$work/server.key" -out "$work/server.crt" 2>/dev/null
for file in server.key server.crt; do within sh -c "cat >/etc/virtune/$file && chgrp virtune /etc/virtune/$file && chmod 640 /etc/virtune/$file" <"$work/$file"; done
files='"cert_file": "server.crt", "key_file": "server.key"'

step 'passwords, TLS and client certificates hold once the play is through'
play '[1-9]' -e "$(web "$users")"
answers 401 "$plain"
answers 200 -u prometheus:right "$plain"
play 2 -e "$(web "$users, \"tls_server_config\": {$files}")"
answers 000 -u prometheus:right "$plain"
answers 200 -u prometheus:right "$tls"
client="$files, \"client_auth_type\": \"RequireAndVerifyClientCert\", \"client_ca_file\": \"server.crt\""
play 2 -e "$(web "$users, \"tls_server_config\": {$client}")"
answers 000 -u prometheus:right "$tls"
answers 200 -u prometheus:right --cert /etc/virtune/server.crt --key /etc/virtune/server.key "$tls"

step 'a wrong web configuration fails the play'
if play 2 -e "$(web "$users, \"tls_server_config\": {\"cert_file\": \"missing.crt\", \"key_file\": \"server.key\"}")" 2>"$work/refused"; then
  echo 'a wrong web configuration was accepted' >&2 && exit 1
fi
grep -q 'Check that the exporter listens with TLS' "$work/refused"

step 'without it the exporter serves in plain text again'
play '[1-9]' -e "{$flags}"
answers 200 "$plain"
if within test -e /etc/virtune/web.yml; then echo 'web.yml was left behind' >&2 && exit 1; fi

step 'the tuner that keeps VMs as they should be restarts with a newer executable, and ends with the assignments'
play 1 -e "{$flags, \"virtune_watch\": true}"
within systemctl is-active --quiet virtune-watch.service
process() { within systemctl show --property MainPID --value "virtune-$1"; }
exporter=$(process exporter) watch=$(process watch)
if [[ $artifact == *.deb ]]; then
  # A different build of the same version.
  dpkg-deb --raw-extract "$artifact" "$work/tree"
  printf x >>"$work/tree/usr/bin/virtune"
  sum=$(md5sum <"$work/tree/usr/bin/virtune" | cut -d' ' -f1)
  sed -i "s|^[0-9a-f]*  usr/bin/virtune$|$sum  usr/bin/virtune|" "$work/tree/DEBIAN/md5sums"
  dpkg-deb --root-owner-group -Znone --build "$work/tree" "$work/other.deb" >/dev/null
  sed -i "s|virtune_artifact: .*|virtune_artifact: $work/other.deb|" "$work/hosts.yml"
  wanted=$(md5sum <"$work/tree/usr/bin/virtune")
  rm -r "$work/tree"
else
  wanted=$(md5sum <"$artifact")
  # Replaces the running executable by a different one.
  within sh -c 'cp /usr/bin/virtune /usr/bin/virtune.other && printf x >>/usr/bin/virtune.other && mv /usr/bin/virtune.other /usr/bin/virtune'
fi
play '[1-9]' -e "{$flags, \"virtune_watch\": true}"
[ "$(within cat /usr/bin/virtune | md5sum)" = "$wanted" ]
[ "$(process exporter)" != "$exporter" ]
[ "$(process watch)" != "$watch" ]
within systemctl is-active --quiet virtune-exporter.service virtune-watch.service
play 0 -e "{$flags, \"virtune_watch\": true}"

step 'a profile that was taken out of the play is removed, and yours is not'
within sh -c 'echo "title: Theirs" >/etc/virtune/profiles/theirs.yaml'
others='"virtune_tune": "none", "virtune_profiles": {}, "virtune_assignments": {"assign": [{"domain": "pg-orders", "profile": "oltp-database"}]}'
play 2 -e "{$flags, \"virtune_watch\": true, $others}"
[ "$(within ls /etc/virtune/profiles)" = theirs.yaml ]
play 3 -e "{$flags, \"virtune_watch\": true, \"virtune_assignments\": {}}"
for unit in virtune-watch.service virtune-drift.timer; do
  [ "$(within systemctl is-active $unit || true) $(within systemctl is-enabled $unit || true)" = 'inactive disabled' ]
done
if within test -e /etc/virtune/assignments.yml; then echo 'assignments.yml was left behind' >&2 && exit 1; fi
within sh -c 'echo "assign: []" >/etc/virtune/assignments.yml'
play 0 -e "{$flags, \"virtune_assignments\": {}}"
within test -e /etc/virtune/assignments.yml

if [ -n "${3:-}" ]; then
  step 'a deb in the place of the executable brings its units, too'
  package="\"virtune_artifact\": \"$(realpath "$3")\""
  play '[1-9][0-9]*' -e "{$flags, \"virtune_assignments\": {}, $package}"
  for unit in exporter.service exporter.socket drift.service drift.timer watch.service; do
    [[ $(within systemctl show --property FragmentPath --value "virtune-$unit") == */lib/systemd/system/"virtune-$unit" ]]
  done
  [[ $(within systemctl show --property DropInPaths --value virtune-exporter) != */etc/*10-package.conf* ]]
  within systemctl is-active --quiet virtune-exporter.service
  [ "$(within systemctl is-enabled virtune-exporter.service)" = enabled ]
  [ "$(within systemctl show --property User --value virtune-exporter)" = virtune ]
  answers 200 "$plain"
  play 0 -e "{$flags, \"virtune_assignments\": {}, $package}"
fi
echo 'the role installs, configures, tunes and repeats as it should'

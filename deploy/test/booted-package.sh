#!/usr/bin/env bash
# Tests the deb under systemd, on a booted Debian with a simulated libvirt: apt installs it, the exporter serves metrics
# as its user, also with all drop-ins and without a libvirt, units that are not enabled work when started, and removal
# stops everything.
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
# A host may have none for it.
[ "$(within readlink "/proc/$process/ns/user")" = "$(within readlink /proc/1/ns/user)" ]
if within journalctl --quiet --unit virtune-exporter.service | grep 'unset environment variable'; then exit 1; fi

step 'systemd that runs the unit finds little in it open to an attacker'
within systemd-analyze security --no-pager --threshold=20 virtune-exporter.service | tail -n 1

step 'a reload in the first moments of a start does not leave it dead'
within sh -c 'systemctl restart virtune-exporter.service && systemctl kill --signal HUP virtune-exporter.service'
serves '^libvirt_up 1'

step 'a reload ends no exporter without files'
process=$(within systemctl show --property MainPID --value virtune-exporter)
within systemctl reload virtune-exporter.service
for _ in $(seq 60); do within journalctl --quiet --unit virtune-exporter.service | grep 'nothing to reload' >/dev/null && break; sleep 1; done
[ "$(within systemctl show --property MainPID --value virtune-exporter)" = "$process" ]
serves '^libvirt_up 1'

step 'all drop-ins together, and a key that is rotated by replacing its file'
examples=/usr/share/doc/virtune/examples/virtune-exporter.service.d
# A search server that rejects every key, and logs the keys it received.
within sh -c 'cat >/opt/search.py' <<'END'
import http.server
class Search(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        with open('/run/keys', 'a') as keys: print(self.headers['authorization'], file=keys)
        self.send_response(401)
        self.end_headers()
    do_POST = do_GET
    def log_message(self, *words): pass
http.server.ThreadingHTTPServer(('127.0.0.1', 9200), Search).serve_forever()
END
within systemd-run --quiet --unit search python3 /opt/search.py
within sh -ec "groupadd --force --system libvirt
  key() { printf '%s\n' \"\$1\" >/root/new && install -m 640 -g virtune /root/new \$2; }
  key b2xk /etc/virtune/elasticsearch.key; key 'authorization: Bearer old' /etc/virtune/otlp.headers
  mkdir -p /etc/systemd/system/virtune-exporter.service.d && cp $examples/*.conf /etc/systemd/system/virtune-exporter.service.d/
  echo 'ARGS=--elasticsearch http://127.0.0.1:9200 --elasticsearch.interval 1s --otlp.endpoint http://127.0.0.1:9200 --no-collect.cgroup' \
    >/etc/default/virtune-exporter
  systemctl daemon-reload && systemctl restart virtune-exporter.service"
serves '^libvirt_up 1'
process=$(within systemctl show --property MainPID --value virtune-exporter)
flags=$(within ps -ww -o args= -p "$process")
for flag in --collect.agent --collect.threads --collect.numa --elasticsearch.api-key-file --otlp.headers-file --otlp.endpoint --no-collect.cgroup; do
  [[ "$flags " == *" $flag "* ]] || { echo "$flag is lost: $flags" >&2 && exit 1; }
done
shown() { for _ in $(seq 120); do within grep -qs "$1" /run/keys && return; sleep 1; done; within cat /run/keys >&2; return 1; }
shown 'ApiKey b2xk'
within sh -ec "echo bmV3 >/root/new && install -m 640 -g virtune /root/new /etc/virtune/elasticsearch.key"
shown 'ApiKey bmV3'
[ "$(within systemctl show --property MainPID --value virtune-exporter)" = "$process" ]
within sh -ec 'rm -r /etc/systemd/system/virtune-exporter.service.d && echo ARGS= >/etc/default/virtune-exporter && systemctl stop search.service
  systemctl daemon-reload && systemctl restart virtune-exporter.service'
serves '^libvirt_up 1'

step 'a queue on a file system that is read-only for a while: the exporter is back with it'
within sh -ec "mkdir /srv/queue && mount -t tmpfs tmpfs /srv/queue && install -d -o virtune -g virtune /srv/queue/otlp && mount -o remount,ro /srv/queue
  mkdir -p /etc/systemd/system/virtune-exporter.service.d
  printf '[Service]\nReadWritePaths=/srv/queue\n' >/etc/systemd/system/virtune-exporter.service.d/queue.conf
  echo 'ARGS=--otlp.endpoint http://127.0.0.1:9200 --otlp.queue-dir /srv/queue/otlp' >/etc/default/virtune-exporter
  systemctl daemon-reload && systemctl restart virtune-exporter.service"
for _ in $(seq 60); do [ "$(within systemctl show --property NRestarts --value virtune-exporter)" -gt 0 ] && break; sleep 1; done
[ "$(within systemctl show --property NRestarts --value virtune-exporter)" -gt 0 ]
within journalctl --quiet --unit virtune-exporter.service | grep 'EROFS.*QUEUE_FOLDER' >/dev/null
within mount -o remount,rw /srv/queue
serves '^libvirt_up 1'
within sh -ec 'rm -r /etc/systemd/system/virtune-exporter.service.d && systemctl daemon-reload'

step 'twenty hosts over ssh: the unit has room for their processes'
within sh -ec 'cat >/opt/tunnel && chmod 755 /opt/tunnel' <<'END'
#!/usr/bin/perl
# In the place of ssh: standard input and output are the socket of this host.
use IO::Socket::UNIX;
use IO::Select;
my $socket = IO::Socket::UNIX->new(Peer => '/run/libvirt/libvirt-sock-ro') or die;
my %to = (fileno(STDIN) => $socket, fileno($socket) => \*STDOUT);
my $both = IO::Select->new(\*STDIN, $socket);
while (my @ready = $both->can_read) {
  for my $from (@ready) {
    sysread($from, my $bytes, 65536) or exit;
    while (length $bytes) { substr($bytes, 0, syswrite($to{fileno $from}, $bytes) || exit, '') }
  }
}
END
within sh -ec 'echo "{ local: false, hosts: {" >/etc/virtune/hosts.yml
  for host in $(seq 20); do echo "kvm$host: { uri: \"qemu+ssh://kvm$host/system?command=/opt/tunnel\" },"; done >>/etc/virtune/hosts.yml
  echo "} }" >>/etc/virtune/hosts.yml && chgrp virtune /etc/virtune/hosts.yml && chmod 640 /etc/virtune/hosts.yml
  echo "ARGS=--config.file /etc/virtune/hosts.yml" >/etc/default/virtune-exporter && systemctl restart virtune-exporter.service'
probe() { for _ in $(seq 30); do within curl -sf "http://127.0.0.1:9177/probe?target=kvm$1" | grep '^libvirt_up 1' >/dev/null && return; sleep 1; done; return 1; }
# All hosts, twice: the first ones are still connected when the last one connects.
for _ in 1 2; do for host in $(seq 20); do probe "$host"; done; done
if within journalctl --quiet --unit virtune-exporter.service | grep 'EAGAIN'; then exit 1; fi
within systemctl show --property TasksMax,TasksCurrent,MemoryCurrent virtune-exporter
# At least three per host: with the exporter's threads, more than the unit's former limit of 64. TasksCurrent does not
# work here: without the pids controller, systemd does not count tasks.
[ "$(within sh -c 'grep -l "/opt/tunne[l]" /proc/[0-9]*/cmdline 2>/dev/null | wc -l')" -gt 60 ]
within sh -ec 'rm /etc/virtune/hosts.yml && echo ARGS= >/etc/default/virtune-exporter && systemctl restart virtune-exporter.service'
serves '^libvirt_up 1'

step 'without libvirt the exporter serves that, and finds it when it comes'
within sh -ec 'cd /run/libvirt && for name in libvirt-sock libvirt-sock-ro; do mv $name $name.gone; done && systemctl restart virtune-exporter.service'
serves '^libvirt_up 0'
within sh -ec 'cd /run/libvirt && for name in libvirt-sock libvirt-sock-ro; do mv $name.gone $name; done'
serves '^libvirt_up 1'

step 'the drift check records for the exporter'
within systemctl start virtune-drift.service
within test -s /run/virtune/drift.json

step 'behind its socket the exporter starts with the first scrape'
within sh -c 'echo ARGS=--web.systemd-socket >/etc/default/virtune-exporter && systemctl stop virtune-exporter.service && systemctl start virtune-exporter.socket'
if within systemctl is-active --quiet virtune-exporter.service; then exit 1; fi
[[ $(within systemctl show --property Listen --value virtune-exporter.socket) == '127.0.0.1:9177 '* ]]
serves '^libvirt_up 1'

step 'after a removal and an installation, what was enabled runs again'
within systemctl enable --quiet virtune-exporter.socket virtune-watch.service virtune-drift.timer
within apt-get remove -y -q virtune >/dev/null
within env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends /root/virtune.deb >/dev/null
within systemctl is-active --quiet virtune-exporter.socket virtune-exporter.service virtune-watch.service virtune-drift.timer
serves '^libvirt_up 1'

step 'a removal stops it'
within apt-get remove -y -q virtune >/dev/null
if within curl -sf -o /dev/null http://127.0.0.1:9177/metrics; then exit 1; fi
[ -z "$(within systemctl list-units --no-legend --plain 'virtune-*')" ]
[ "$(within systemctl is-system-running)" = running ]
echo 'the deb installs, runs and goes under systemd as it should'

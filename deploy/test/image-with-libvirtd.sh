#!/usr/bin/env bash
# Tests the image with a real libvirtd and a VM. Usage: test/live/lab/namespaced.sh NAME bash image-with-libvirtd.sh
# ARCHIVE, as root on Debian with libvirt-daemon-system and qemu-system-x86.
set -euo pipefail
# polkit is not available in the namespace.
echo 'auth_unix_ro = "none"' >>/etc/libvirt/libvirtd.conf
virtlogd -d && libvirtd -d
for _ in $(seq 60); do virsh -q list >/dev/null 2>&1 && break; sleep 1; done
virsh -q create --paused /dev/stdin <<END
<domain type='qemu'>
  <name>db01</name><memory unit='MiB'>24</memory><vcpu>1</vcpu><os><type machine='pc'>hvm</type></os>
</domain>
END
bash "$(dirname "$0")/image.sh" "$1" /run/libvirt
virsh -q destroy db01

import type { DomainFacts } from '../../model/domain/domain.ts';
import { isSince, LIBVIRT_FEATURES } from '../../model/libvirt-features.ts';
import type { Element } from '../../model/xml.ts';
import type { HostFacts } from '../facts/facts.ts';
import { ioThreadIds } from '../settings/iothread-ids.ts';
import type { Policy } from './policy.ts';
import { evaluate, type Subjects } from './rule.ts';

/** Mapping a disk's queues to several iothreads: formatdomain, "driver/iothreads", and QEMU's iothread-vq-mapping. */
function canMapQueues({ libvirtVersion: libvirt, qemuVersion: qemu }: HostFacts): boolean {
  return isSince({ libvirt, qemu }, LIBVIRT_FEATURES.diskQueueMapping);
}

/** Likewise for virtio-scsi controllers. */
export function canMapScsiQueues({ libvirtVersion: libvirt, qemuVersion: qemu }: HostFacts): boolean {
  return isSince({ libvirt, qemu }, LIBVIRT_FEATURES.scsiQueueMapping);
}

export function mapsQueues({ diskIoThread }: Policy, host: HostFacts): boolean {
  return diskIoThread === 'mapped' || (diskIoThread === 'auto' && canMapQueues(host));
}

/** The iothreads that a domain should have: existing ones first, then the lowest free ids. */
export function ioThreadsWanted(
  policy: Policy,
  host: HostFacts,
  root: Element,
  facts: DomainFacts,
  subjects: Subjects,
): readonly number[] {
  const now = ioThreadIds(root).filter((id) => id <= 8_191);
  if (policy.ioThreadCount === undefined) return now;
  const asked = evaluate(policy.ioThreadCount, subjects);
  const virtio = facts.disks.filter(({ bus, device }) => bus === 'virtio' && device !== 'cdrom').length;
  // An iothread without a disk only occupies a CPU. Without disk.iothread in the profile, usage is unknown.
  const spreads = policy.diskIoThread !== undefined && !mapsQueues(policy, host);
  const count = spreads ? Math.min(asked, Math.max(virtio, Math.min(asked, 1))) : asked;
  const ids = now.slice(0, count);
  for (let id = 1; ids.length < count; id++) if (!ids.includes(id)) ids.push(id);
  return ids.sort((a, b) => a - b);
}

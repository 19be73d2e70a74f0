import { attr, child, children, type Element, wholeNumber } from '../xml.ts';

/**
 * The iothread of each queue, by queue, of a device whose `<driver>` maps its queues (libvirt 10.0 on for virtio disks,
 * 11.2 on for virtio-scsi controllers). Iothreads without listed queues share them in turn (QEMU, iothread-vq-mapping),
 * which is only known where the XML says how many queues there are. Undefined where nothing is mapped, or it is
 * not known.
 */
export function queueIoThreads(device: Element): ReadonlyMap<number, number> | undefined {
  const driver = child(device, 'driver');
  const mapped = children(child(driver, 'iothreads'), 'iothread').flatMap((element) => {
    const id = wholeNumber(attr(element, 'id'));
    const queues = children(element, 'queue').flatMap((queue) => wholeNumber(attr(queue, 'id')) ?? []);
    return id === undefined ? [] : [{ id, queues }];
  });
  const named = mapped.flatMap(({ id, queues }) => queues.map((queue) => [queue, id] as const));
  if (named.length > 0) return new Map(named.toSorted(([a], [b]) => a - b));
  const count = wholeNumber(attr(driver, 'queues'));
  if (mapped.length === 0 || count === undefined || count > QUEUES_MAX) return undefined;
  return new Map(
    Array.from({ length: count }, (_, queue) => [queue, mapped[queue % mapped.length]?.id ?? 0] as const),
  );
}

/** VIRTIO_QUEUE_MAX of QEMU: more are in no XML that it starts with. */
const QUEUES_MAX = 1_024;

import { attr, child, children, type Element, wholeNumber } from '../xml.ts';

/**
 * By queue, the iothread of a device whose `<driver>` maps its queues (virtio disks since libvirt 10.0, virtio-scsi
 * controllers since 11.2). QEMU assigns queues round-robin to iothreads without listed queues (iothread-vq-mapping),
 * which is only known where the XML gives the number of queues. Undefined where nothing is mapped or the mapping is
 * unknown.
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

/** QEMU's VIRTIO_QUEUE_MAX: it does not start with more. */
const QUEUES_MAX = 1_024;

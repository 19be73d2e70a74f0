import type { KnobContext } from './knob.ts';

const PAST_THE_CACHE = new Set(['none', 'directsync']);
/** formatdomain, driver/io; qemu-system, -drive aio. */
const IO_URING_LIBVIRT = 6_003_000;
const IO_URING_QEMU = 5_000_000;

/**
 * How QEMU should do a disk's I/O, by what the disk is:
 * 1. block devices and preallocated raw images past the host's cache: native. Such requests never wait in io_submit(2).
 * 2. other files, where libvirt, QEMU and this kernel have it: io_uring, which does not block on images that grow.
 * 3. else threads, which works everywhere.
 * `none`: disks whose I/O QEMU does in its own way (network, NVMe, vhost-user), and those not known yet.
 */
export function autoIo(
  { facts, state, host, policy }: KnobContext,
  target: string,
): 'native' | 'io_uring' | 'threads' | 'none' {
  const disk = facts.disks.find((each) => each.target === target);
  const kind = disk?.source?.kind;
  if (kind !== 'block' && kind !== 'file') return 'none';
  const cache = policy.diskCache ?? disk?.cache;
  const direct = cache !== undefined && PAST_THE_CACHE.has(cache);
  const allocated = kind === 'block' ? disk?.format === 'raw' : state.preallocated?.has(target) === true;
  if (direct && allocated) return 'native';
  const ring =
    host.libvirtVersion >= IO_URING_LIBVIRT &&
    host.qemuVersion >= IO_URING_QEMU &&
    host.local?.ioUring === true;
  return ring ? 'io_uring' : 'threads';
}

/**
 * A discard punches holes into a preallocated image: its blocks have to be allocated again at the next write, which is
 * what preallocation was to spare. Elsewhere thin storage gets its space back.
 */
export const autoDiscard = ({ state }: KnobContext, target: string): 'unmap' | 'ignore' =>
  state.preallocated?.has(target) === true ? 'ignore' : 'unmap';

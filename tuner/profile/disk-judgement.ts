import type { KnobContext } from './knob.ts';

const PAST_THE_CACHE = new Set(['none', 'directsync']);
/** formatdomain, driver/io; qemu-system, -drive aio. */
const IO_URING_LIBVIRT = 6_003_000;
const IO_URING_QEMU = 5_000_000;

/**
 * How QEMU should do a disk's I/O, depending on the disk:
 * 1. native for block devices and preallocated raw images that bypass the host's cache: such requests never block in
 *    io_submit(2).
 * 2. io_uring for other files, if libvirt, QEMU and this kernel have it: it does not block on images that grow.
 * 3. threads otherwise: works everywhere.
 * `none`: disks whose I/O QEMU does in other ways (network, NVMe, vhost-user), and unknown kinds.
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
 * A discard punches holes into a preallocated image, whose blocks must then be allocated again at the next write: just
 * what preallocation was meant to avoid. Elsewhere it returns space to thin storage.
 */
export const autoDiscard = ({ state }: KnobContext, target: string): 'unmap' | 'ignore' =>
  state.preallocated?.has(target) === true ? 'ignore' : 'unmap';

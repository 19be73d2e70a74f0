import { constants } from 'node:fs';
import { open, stat } from 'node:fs/promises';
import { isHuge } from '../../model/huge-pools.ts';
import type { Problem } from '../errors.ts';
import type { HostFacts } from './facts.ts';

/**
 * Whether a file or device can be opened bypassing the host's cache, as QEMU does for cache `none` and `directsync`. It
 * is opened read-only and nothing is read, so an image in use is not harmed.
 */
export async function probeDirectIo(path: string): Promise<Problem | undefined> {
  try {
    const file = await open(path, constants.O_RDONLY | constants.O_DIRECT);
    await file.close();
    return undefined;
  } catch (error) {
    return directIoProblem(path, error as NodeJS.ErrnoException);
  }
}

const BLOCK_BYTES = 512;

/** Whether a file is fully allocated; undefined if it cannot be examined. A snapshot or a hole makes it sparse. */
export async function isPreallocated(path: string): Promise<boolean | undefined> {
  try {
    const { blocks, size } = await stat(path);
    return size > 0 && blocks * BLOCK_BYTES >= size;
  } catch {
    return undefined;
  }
}

/** A file system without O_DIRECT returns EINVAL (open(2)); other errors prove nothing. */
function directIoProblem(path: string, { code }: NodeJS.ErrnoException): Problem | undefined {
  if (code !== 'EINVAL') return undefined;
  return {
    code: 'NO_O_DIRECT',
    text: `the file system of ${JSON.stringify(path)} does not support O_DIRECT, which this cache mode needs`,
    next: 'move the image to a file system that supports it (XFS, ext4), or use cache mode writethrough',
  };
}

/** Whether libvirt's guests can get pages of this size: libvirtd looks for hugetlbfs mounts when it starts. */
export function probeHugetlbfs({ local, topology }: HostFacts, sizeKiB: number): Problem | undefined {
  if (local === undefined) return undefined;
  const sizes = topology.cells.flatMap(({ pages }) => pages.map((pool) => pool.sizeKiB));
  const smallestHuge = Math.min(...sizes.filter(isHuge));
  const usualKiB = local.defaultPageKiB ?? smallestHuge;
  const fits = local.hugetlbfs.some((mount) => (mount.sizeKiB ?? usualKiB) === sizeKiB);
  if (fits) return undefined;
  return {
    code: 'NO_HUGETLBFS',
    text: `no hugetlbfs with pages of ${sizeKiB} KiB is mounted on this host`,
    next: `mount -t hugetlbfs -o pagesize=${sizeKiB}K hugetlbfs /dev/hugepages${sizeKiB === usualKiB ? '' : `-${sizeKiB}K`}, then restart libvirtd`,
  };
}

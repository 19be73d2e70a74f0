import { poolFinder } from '../../../model/pool-of.ts';

/** Labels of a series. */
export type Labels = Readonly<Record<string, string>>;

/** A storage pool of a host. */
export interface HostPool {
  readonly name: string;
  /** Its mount point: a VM's disks refer to it by path. Empty for a pool without one. */
  readonly path: string;
  /** What it is and where it is mounted, the same on all hosts that share it; absent for a pool of a single host. */
  readonly key: string | undefined;
}

/** Pools of a host (`libvirt_storage_pool_info`): those on a server are shared. */
export function hostPoolsOf(pools: readonly Labels[]): HostPool[] {
  return pools.map((pool) => {
    const { storage_pool: name = '', path = '', source_host: server = '' } = pool;
    const source = [pool['type'], server, pool['source_dir'], pool['source_device'], pool['source_name']];
    const key = JSON.stringify([...source.map((part) => part ?? ''), path]);
    return { name, path, key: server === '' ? undefined : key };
  });
}

/**
 * Storage that a VM needs on its host, from its disks (`libvirt_domain_block_stats_info`).
 * @param shared prefixes of paths that all hosts of a cluster have, from the constraints
 */
export function storageOf(
  disks: readonly Labels[],
  pools: readonly HostPool[],
  shared: readonly string[],
): { readonly keys: readonly string[]; readonly isLocal: boolean } {
  const keys = new Set<string>();
  let isLocal = false;
  const poolOf = poolFinder(pools);
  for (const { disk_type: type = '', source_file: source = '' } of disks) {
    // An empty drive, or storage that QEMU reaches over the network from any host.
    if (source === '' || type === 'network') continue;
    if (shared.some((prefix) => source.startsWith(prefix))) continue;
    const key = poolOf({ kind: type, name: source })?.key;
    if (key === undefined) isLocal = true;
    else keys.add(key);
  }
  return { keys: [...keys].sort(), isLocal };
}

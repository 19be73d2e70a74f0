/** Labels of a series. */
export type Labels = Readonly<Record<string, string>>;

/** A storage pool that hosts share, by what it is and where it is mounted: a VM finds its disks by that path. */
export interface SharedPool {
  readonly name: string;
  readonly path: string;
  readonly key: string;
}

/** Pools of a host that are on a server (`libvirt_storage_pool_info`); a pool without one belongs to its host alone. */
export function sharedPoolsOf(pools: readonly Labels[]): SharedPool[] {
  return pools.flatMap((pool) => {
    const { storage_pool: name = '', path = '', source_host: server = '' } = pool;
    if (server === '') return [];
    const source = [pool['type'], server, pool['source_dir'], pool['source_device'], pool['source_name']];
    return [{ name, path, key: JSON.stringify([...source.map((part) => part ?? ''), path]) }];
  });
}

/**
 * What a VM needs of the storage of its host, by its disks (`libvirt_domain_block_stats_info`).
 * @param shared prefixes of paths that all hosts of a cluster have, from the constraints
 */
export function storageOf(
  disks: readonly Labels[],
  pools: readonly SharedPool[],
  shared: readonly string[],
): { readonly keys: readonly string[]; readonly isLocal: boolean } {
  const keys = new Set<string>();
  let isLocal = false;
  for (const { disk_type: type = '', source_file: source = '' } of disks) {
    // An empty drive, or storage that QEMU reaches over the network from any host.
    if (source === '' || type === 'network') continue;
    if (shared.some((prefix) => source.startsWith(prefix))) continue;
    const pool = pools.find(({ name, path }) =>
      type === 'volume'
        ? source.startsWith(`${name}/`)
        : path !== '' && source.startsWith(`${path.replace(/\/$/, '')}/`),
    );
    if (pool === undefined) isLocal = true;
    else keys.add(pool.key);
  }
  return { keys: [...keys].sort(), isLocal };
}

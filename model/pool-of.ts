interface Pool {
  readonly name: string;
  /** Of its folder or device; absent or empty for a pool that has none. */
  readonly path?: string | undefined;
}

/** Where an image lies: its path, or `pool/volume` where the kind is `volume`. */
interface Image {
  readonly kind: string;
  readonly name: string;
}

/**
 * Finds the pool of one host that an image lies in: the one that a volume names, else the one with the deepest of the folders
 * that the image is below, since one pool may be mounted in the folder of another.
 */
export function poolFinder<P extends Pool>(pools: readonly P[]): (image: Image) => P | undefined {
  const byName = new Map(pools.map((pool) => [pool.name, pool]));
  const byFolder = pools
    .flatMap((pool) => (pool.path ? [{ pool, folder: `${pool.path.replace(/\/+$/, '')}/` }] : []))
    .toSorted((a, b) => b.folder.length - a.folder.length);
  return ({ kind, name }) =>
    kind === 'volume'
      ? byName.get(name.split('/')[0] ?? '')
      : byFolder.find(({ folder }) => name.startsWith(folder))?.pool;
}

interface Pool {
  readonly name: string;
  /** Its folder or device; absent or empty for a pool without one. */
  readonly path?: string | undefined;
}

/** Where an image is stored: its path, or `pool/volume` where the kind is `volume`. */
interface Image {
  readonly kind: string;
  readonly name: string;
}

/**
 * Finds the pool of one host that contains an image: the one that a volume names, else the one with the deepest folder
 * above the image, since one pool may be mounted in the folder of another.
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

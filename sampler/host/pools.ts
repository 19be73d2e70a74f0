import type { CallResult } from '../../libvirt/calls/all.ts';
import type { PoolFigures } from '../../model/host.ts';
import { child, parseXml, text } from '../../model/xml.ts';

type StoragePool = CallResult<'connectListAllStoragePools'>['pools'][number];
type Told<R> = Promise<R | 'late' | undefined>;

/** What can be asked of a pool; nothing where it does not answer. */
export interface AskPool {
  readonly info: (pool: StoragePool) => Told<CallResult<'storagePoolGetInfo'>>;
  readonly xml: (pool: StoragePool) => Told<CallResult<'storagePoolGetXmlDesc'>>;
}

/**
 * Pools as libvirt last saw them: never refreshed from here, since a refresh reads every volume and can
 * block the pool for minutes. One whose storage does not answer costs no other its figures.
 */
export async function readPools(
  pools: readonly StoragePool[],
  paths: Map<string, string | undefined>,
  ask: AskPool,
): Promise<PoolFigures[]> {
  const known = new Set(pools.map((pool) => pool.uuid));
  for (const uuid of paths.keys()) if (!known.has(uuid)) paths.delete(uuid);
  const read = pools.map(async (pool): Promise<PoolFigures | undefined> => {
    try {
      const info = await ask.info(pool);
      if (info === undefined || info === 'late') return undefined;
      if (!paths.has(pool.uuid)) {
        const told = await ask.xml(pool);
        if (told !== undefined && told !== 'late') paths.set(pool.uuid, pathIn(told.xml));
      }
      return {
        name: pool.name,
        state: info.state,
        capacityBytes: Number(info.capacityBytes),
        allocationBytes: Number(info.allocationBytes),
        availableBytes: Number(info.availableBytes),
        path: paths.get(pool.uuid),
      };
    } catch {
      // Gone meanwhile: the others are told all the same.
      return undefined;
    }
  });
  return (await Promise.all(read)).filter((pool) => pool !== undefined);
}

/** Absent where the XML has none, or cannot be understood: the pool has its figures all the same. */
function pathIn(xml: string): string | undefined {
  try {
    return text(child(parseXml('the storage pool', xml, 'pool'), 'target', 'path'));
  } catch {
    return undefined;
  }
}

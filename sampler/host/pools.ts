import type { CallResult } from '../../libvirt/calls/all.ts';
import type { Connection } from '../../libvirt/client/connection.ts';
import type { PoolFigures } from '../../model/host.ts';
import { child, parseXml, text } from '../../model/xml.ts';

type StoragePool = CallResult<'connectListAllStoragePools'>['pools'][number];

/**
 * Pools as libvirt last saw them: never refreshed from here, since a refresh reads every volume and can
 * block the pool for minutes.
 */
export async function readPools(
  connection: Connection,
  paths: Map<string, string | undefined>,
  timeoutMs: number,
): Promise<PoolFigures[]> {
  const { pools } = await connection.call(
    'connectListAllStoragePools',
    { needResults: 1, flags: 0 },
    { timeoutMs },
  );
  const known = new Set(pools.map((pool) => pool.uuid));
  for (const uuid of paths.keys()) if (!known.has(uuid)) paths.delete(uuid);
  const read = pools.map(async (pool): Promise<PoolFigures | undefined> => {
    try {
      const info = await connection.call('storagePoolGetInfo', { pool }, { timeoutMs });
      if (!paths.has(pool.uuid)) paths.set(pool.uuid, await pathOf(connection, pool, timeoutMs));
      return {
        name: pool.name,
        state: info.state,
        capacityBytes: Number(info.capacityBytes),
        allocationBytes: Number(info.allocationBytes),
        availableBytes: Number(info.availableBytes),
        path: paths.get(pool.uuid),
      };
    } catch {
      // Gone meanwhile, or its storage does not answer: the others are told all the same.
      return undefined;
    }
  });
  return (await Promise.all(read)).filter((pool) => pool !== undefined);
}

async function pathOf(
  connection: Connection,
  pool: StoragePool,
  timeoutMs: number,
): Promise<string | undefined> {
  const { xml } = await connection.call('storagePoolGetXmlDesc', { pool, flags: 0 }, { timeoutMs });
  return text(child(parseXml('the storage pool', xml, 'pool'), 'target', 'path'));
}

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { PoolFigures } from '../../model/host.ts';
import { Background } from '../../sampler/background-read.ts';
import { type FileSystemRoom, Pools } from '../../sampler/host/pools.ts';
import { SlowReads } from '../../sampler/slow-reads.ts';
import { type Answers, fakeConnection, settled } from './fake-connection.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'virtune-pool-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

const RUNNING = { state: 2, capacityBytes: 10n, allocationBytes: 4n, availableBytes: 6n };
const listOf = (...names: string[]) => ({
  pools: names.map((name) => ({ name, uuid: `uuid-of-${name}` })),
  count: names.length,
});

function poolsOf(answers: Answers, isLocal: boolean, room?: FileSystemRoom) {
  const { ask, asked } = fakeConnection(answers);
  const background = new Background();
  const clock = { nowMs: 0 };
  const pools = new Pools({
    ask,
    background,
    slowReads: new SlowReads(),
    isLocal,
    steadyMs: () => clock.nowMs,
    onFailure: () => undefined,
    onAnswer: () => undefined,
    ...(room === undefined ? {} : { readRoom: async () => room }),
  });
  const read = async (): Promise<PoolFigures[]> => {
    pools.startTick();
    await settled(background);
    return pools.figures();
  };
  return { read, asked, clock };
}

const nfs = (
  path: string,
): string => `<pool type='netfs'><source><host name='filer'/><dir path='/export'/></source>
  <target><path>${path}</path></target></pool>`;

test('pools are read twice a minute and never refreshed; one that fails leaves the others theirs', async () => {
  const { read, asked, clock } = poolsOf(
    {
      connectListAllStoragePools: () => listOf('good', 'bad'),
      storagePoolGetInfo: ({ pool: { name } }) => {
        if (name === 'bad') throw new Error('it does not answer');
        return RUNNING;
      },
      storagePoolGetXmlDesc: () => ({ xml: nfs('/images') }),
    },
    false,
  );
  expect(await read()).toMatchObject([{ name: 'good' }, { name: 'bad', missing: 'error' }]);
  clock.nowMs = 29_000;
  await read();
  expect(asked.filter((name) => name === 'connectListAllStoragePools')).toHaveLength(1);
  clock.nowMs = 30_000;
  expect((await read())[0]).toMatchObject({
    name: 'good',
    uuid: 'uuid-of-good',
    state: 2,
    capacityBytes: 10,
    allocationBytes: 4,
    availableBytes: 6,
    measuredBy: 'libvirt',
    path: '/images',
    source: { type: 'netfs', host: 'filer', directory: '/export' },
    missing: undefined,
  });
  expect(asked).not.toContain('storagePoolRefresh');
});

test('on the host itself the file system says how full a pool is, not what libvirt last saw', async () => {
  const { read } = poolsOf(
    {
      connectListAllStoragePools: () => listOf('images'),
      storagePoolGetInfo: () => RUNNING,
      storagePoolGetXmlDesc: () => ({ xml: nfs(folder) }),
    },
    true,
  );
  await expect.poll(async () => (await read())[0]?.measuredBy).toBe('statfs');
  const [pool] = await read();
  expect(pool?.capacityBytes).toBeGreaterThan(1_000_000);
  // Blocks reserved for root are in neither.
  expect((pool?.allocationBytes ?? 0) + (pool?.availableBytes ?? 0)).toBeLessThanOrEqual(
    pool?.capacityBytes ?? 0,
  );
});

test('blocks that a file system reserves for root are not available: QEMU gets none of them', async () => {
  const { read } = poolsOf(
    {
      connectListAllStoragePools: () => listOf('images'),
      storagePoolGetInfo: () => RUNNING,
      storagePoolGetXmlDesc: () => ({ xml: nfs(folder) }),
    },
    true,
    { type: 0xef53, bsize: 4_096, blocks: 100, bfree: 10, bavail: 5 },
  );
  await expect.poll(async () => (await read())[0]?.measuredBy).toBe('statfs');
  expect((await read())[0]).toMatchObject({
    capacityBytes: 100 * 4_096,
    allocationBytes: 90 * 4_096,
    availableBytes: 5 * 4_096,
  });
});

test("a folder that this user cannot see leaves libvirt's own figures, and so does a pool of another kind", async () => {
  for (const xml of [
    nfs('/no/such/folder'),
    `<pool type='logical'><target><path>${folder}</path></target></pool>`,
  ]) {
    const { read } = poolsOf(
      {
        connectListAllStoragePools: () => listOf('images'),
        storagePoolGetInfo: () => RUNNING,
        storagePoolGetXmlDesc: () => ({ xml }),
      },
      true,
    );
    await read();
    await expect
      .poll(async () => (await read())[0])
      .toMatchObject({ capacityBytes: 10, measuredBy: 'libvirt' });
  }
});

test('a pool that is not running has no sizes, and says so', async () => {
  const { read } = poolsOf(
    {
      connectListAllStoragePools: () => listOf('off'),
      storagePoolGetInfo: () => ({ state: 0, capacityBytes: 0n, allocationBytes: 0n, availableBytes: 0n }),
      storagePoolGetXmlDesc: () => ({ xml: 'not XML' }),
    },
    true,
  );
  expect(await read()).toMatchObject([{ state: 0, capacityBytes: undefined, missing: 'not_running' }]);
});

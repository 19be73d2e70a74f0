import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { Connection } from '../../libvirt/client/connection.ts';
import { CallAbandonedError } from '../../libvirt/errors.ts';
import type { GroupName } from '../../model/catalogue/catalogue.ts';
import type { HostFigures } from '../../model/host.ts';
import { HostReader } from '../../sampler/host/host-reader.ts';
import { type Answers, fakeConnection } from './fake-connection.ts';
import { ZONEINFO } from './zoneinfo.ts';

const CAPABILITIES = `<capabilities><host><topology><cells><cell id='0'><pages unit='KiB' size='2048'>8</pages>
  <cpus><cpu id='0' socket_id='0' core_id='0'/></cpus></cell></cells></topology></host></capabilities>`;
let nowMs = 0;
const readerOf = (...groups: GroupName[]): HostReader =>
  new HostReader({ groups: new Set(groups), procRoot: undefined, timeoutMs: 1_000, now: () => nowMs });

const read = (reader: HostReader, connection: Connection): Promise<HostFigures> =>
  reader.read(connection, (name, args) => connection.call(name, args));

test('a host whose driver can tell nothing gives nothing, and no zeros', async () => {
  const { connection } = fakeConnection({});
  const host = await read(readerOf('host', 'pool', 'overcommit'), connection);
  expect(host).toMatchObject({
    cpusOnline: undefined,
    cells: [],
    pools: [],
    topology: undefined,
    local: undefined,
  });
  expect([host.cpuNs.size, host.memoryKiB.size, host.ksm.size]).toEqual([0, 0, 0]);
});

test('counts are learnt once, and again when the host wants another', async () => {
  let wanted = 2;
  const answers: Answers = {
    nodeGetMemoryStats: ({ nparams }) => {
      if (nparams === 0) return { stats: [], nparams: wanted };
      if (nparams !== wanted) throw new Error('invalid argument: nparams');
      return { stats: [{ field: 'total', valueKiB: 5 }], nparams };
    },
  };
  const { connection, asked } = fakeConnection(answers);
  const reader = readerOf('host');
  const memory = async (): Promise<number | undefined> =>
    (await read(reader, connection)).memoryKiB.get('total');
  expect([await memory(), await memory()]).toEqual([5, 5]);
  expect(asked.filter((name) => name === 'nodeGetMemoryStats')).toHaveLength(3);
  wanted = 4;
  expect([await memory(), await memory()]).toEqual([undefined, 5]);
});

test('pools are read twice a minute and never refreshed; one that fails leaves the others theirs', async () => {
  nowMs = 0;
  const pool = (name: string) => ({ name, uuid: name });
  const { connection, asked } = fakeConnection({
    connectListAllStoragePools: () => ({ pools: [pool('good'), pool('bad')], count: 2 }),
    storagePoolGetInfo: ({ pool: { name } }) => {
      if (name === 'bad') throw new Error('it does not answer');
      return { state: 2, capacityBytes: 10n, allocationBytes: 4n, availableBytes: 6n };
    },
    storagePoolGetXmlDesc: () => ({ xml: '<pool><target><path>/images</path></target></pool>' }),
  });
  const reader = readerOf('pool');
  const names = async (): Promise<string[]> =>
    (await read(reader, connection)).pools.map((each) => each.name);
  expect(await names()).toEqual(['good']);
  nowMs = 29_000;
  await names();
  expect(asked.filter((name) => name === 'connectListAllStoragePools')).toHaveLength(1);
  nowMs = 30_000;
  expect((await read(reader, connection)).pools[0]).toEqual({
    name: 'good',
    state: 2,
    capacityBytes: 10,
    allocationBytes: 4,
    availableBytes: 6,
    path: '/images',
  });
  expect(asked).not.toContain('storagePoolRefresh');
});

test('free pages find their cell and size, and without /proc libvirt tells the CPU time', async () => {
  const { connection } = fakeConnection({
    connectGetCapabilities: () => ({ xml: CAPABILITIES }),
    nodeGetFreePages: () => ({ counts: [5n] }),
    nodeGetCpuStats: ({ nparams }) => ({
      stats: nparams === 0 ? [] : [{ field: 'kernel', value: 42n }],
      nparams: 1,
    }),
  });
  const host = await read(readerOf('host'), connection);
  expect(host.cells[0]?.pages).toEqual([{ sizeKiB: 2_048, total: 8, free: 5 }]);
  expect(host.cpuNs.get('kernel')).toBe(42);
});

/** Never answers, until told to. */
function stuck(): { call: () => never; back: () => Promise<void> } {
  const finished = Promise.withResolvers<void>();
  return {
    call: () => {
      throw new CallAbandonedError('LIBVIRT_CALL_TIMEOUT', 'stuck', finished.promise);
    },
    back: async () => {
      finished.resolve();
      await new Promise((resolve) => setImmediate(resolve));
    },
  };
}

test('a pool whose storage is gone is not asked again before it answers, and costs the others nothing', async () => {
  nowMs = 0;
  const gone = stuck();
  let hangs = true;
  const askedFor: string[] = [];
  const { connection } = fakeConnection({
    connectListAllStoragePools: () => ({
      pools: ['gone', 'good'].map((name) => ({ name, uuid: name })),
      count: 2,
    }),
    storagePoolGetInfo: ({ pool: { name } }) => {
      askedFor.push(name);
      if (name === 'gone' && hangs) gone.call();
      return { state: 2, capacityBytes: 10n, allocationBytes: 4n, availableBytes: 6n };
    },
    storagePoolGetXmlDesc: () => ({ xml: 'not XML' }),
  });
  const reader = readerOf('pool');
  const names = async (): Promise<string[]> =>
    (await read(reader, connection)).pools.map((each) => each.name);
  for (; nowMs < 300_000; nowMs += 30_000) expect(await names()).toEqual(['good']);
  expect(askedFor.filter((name) => name === 'gone')).toHaveLength(1);
  hangs = false;
  await gone.back();
  expect(await names()).toEqual(['gone', 'good']);
});

test('capabilities that take long are asked for once, and are there when the daemon has them', async () => {
  const probing = stuck();
  let hangs = true;
  const { connection, asked } = fakeConnection({
    connectGetCapabilities: () => (hangs ? probing.call() : { xml: CAPABILITIES }),
  });
  const reader = readerOf('host');
  for (let tick = 0; tick < 10; tick++) expect((await read(reader, connection)).topology).toBeUndefined();
  expect(asked.filter((name) => name === 'connectGetCapabilities')).toHaveLength(1);
  hangs = false;
  await probing.back();
  expect((await read(reader, connection)).topology?.cells).toHaveLength(1);
});

test('what a cell could give without swapping is its free pages and caches, in pages of the host', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'virtune-zoneinfo-'));
  try {
    writeFileSync(join(folder, 'zoneinfo'), ZONEINFO);
    const { connection } = fakeConnection({
      connectGetCapabilities: () => ({ xml: CAPABILITIES.replace('2048', '64') }),
    });
    const reader = new HostReader({
      groups: new Set<GroupName>(['host']),
      procRoot: folder,
      timeoutMs: 1_000,
      now: () => nowMs,
    });
    // Free 1000 + 500, less 60 kept; cache 300 + 500 and slabs 100, each less the smaller of half and 60.
    expect((await read(reader, connection)).cells[0]?.availableKiB).toBe((1_440 + 740 + 50) * 64);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('each CPU is asked for where /proc is not there, also when nothing else of the host is', async () => {
  const { connection } = fakeConnection({
    connectGetCapabilities: () => ({ xml: CAPABILITIES }),
    nodeGetCpuStats: ({ cpu, nparams }) => ({
      stats: nparams === 0 ? [] : [{ field: 'idle', value: BigInt(cpu + 7) }],
      nparams: 1,
    }),
  });
  const host = await read(readerOf('hostcpus'), connection);
  expect([...(host.cpuNsByCpu ?? [])].map(([cpu, modes]) => [cpu, modes.get('idle')])).toEqual([[0, 7]]);
  expect((await read(readerOf('host'), connection)).cpuNsByCpu).toBeUndefined();
});

import { expect, test } from 'vitest';
import type { GroupName } from '../../model/catalogue/catalogue.ts';
import { HostReader } from '../../sampler/host/host-reader.ts';
import { type Answers, fakeConnection } from './fake-connection.ts';

const CAPABILITIES = `<capabilities><host><topology><cells><cell id='0'><pages unit='KiB' size='2048'>8</pages>
  <cpus><cpu id='0' socket_id='0' core_id='0'/></cpus></cell></cells></topology></host></capabilities>`;
let nowMs = 0;
const readerOf = (...groups: GroupName[]): HostReader =>
  new HostReader({ groups: new Set(groups), procRoot: undefined, timeoutMs: 1_000, now: () => nowMs });

test('a host whose driver can tell nothing gives nothing, and no zeros', async () => {
  const { connection } = fakeConnection({});
  const host = await readerOf('host', 'pool', 'overcommit').read(connection);
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
    (await reader.read(connection)).memoryKiB.get('total');
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
  const names = async (): Promise<string[]> => (await reader.read(connection)).pools.map((each) => each.name);
  expect(await names()).toEqual(['good']);
  nowMs = 29_000;
  await names();
  expect(asked.filter((name) => name === 'connectListAllStoragePools')).toHaveLength(1);
  nowMs = 30_000;
  expect((await reader.read(connection)).pools[0]).toEqual({
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
  const host = await readerOf('host').read(connection);
  expect(host.cells[0]?.pages).toEqual([{ sizeKiB: 2_048, total: 8, free: 5 }]);
  expect(host.cpuNs.get('kernel')).toBe(42);
});

test('each CPU is asked for where /proc is not there, also when nothing else of the host is', async () => {
  const { connection } = fakeConnection({
    connectGetCapabilities: () => ({ xml: CAPABILITIES }),
    nodeGetCpuStats: ({ cpu, nparams }) => ({
      stats: nparams === 0 ? [] : [{ field: 'idle', value: BigInt(cpu + 7) }],
      nparams: 1,
    }),
  });
  const host = await readerOf('hostcpus').read(connection);
  expect([...(host.cpuNsByCpu ?? [])].map(([cpu, modes]) => [cpu, modes.get('idle')])).toEqual([[0, 7]]);
  expect((await readerOf('host').read(connection)).cpuNsByCpu).toBeUndefined();
});

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { RemoteError } from '../../libvirt/errors.ts';
import type { GroupName } from '../../model/catalogue/catalogue.ts';
import type { HostFigures, HostPart } from '../../model/host.ts';
import { Background } from '../../sampler/background-read.ts';
import { Capabilities } from '../../sampler/host/capabilities.ts';
import { HostReader } from '../../sampler/host/host-reader.ts';
import { SlowReads } from '../../sampler/slow-reads.ts';
import { type Answers, fakeConnection, settled } from './fake-connection.ts';
import { ZONEINFO } from './zoneinfo.ts';

const CAPABILITIES = `<capabilities><host><topology><cells><cell id='0'><pages unit='KiB' size='2048'>8</pages>
  <cpus><cpu id='0' socket_id='0' core_id='0'/></cpus></cell></cells></topology></host></capabilities>`;
let nowMs = 0;

/** Reads as a tick does, and waits for the answers. */
function readerOf(
  answers: Answers,
  groups: readonly GroupName[],
  procRoot?: string,
): { read: () => Promise<HostFigures>; asked: string[]; failures: [HostPart, string][] } {
  const { ask, asked } = fakeConnection(answers);
  const background = new Background();
  const failures: [HostPart, string][] = [];
  const beside = { ask, background, steadyMs: () => nowMs };
  const capabilities = new Capabilities({ ...beside, wantsTopology: true });
  const reader = new HostReader({
    ...beside,
    groups: new Set(groups),
    procRoot,
    cgroupRoot: '/nowhere',
    sysRoot: '/nowhere',
    capabilities,
    slowReads: new SlowReads(),
    onFailure: (part, error) => failures.push([part, error.message]),
  });
  return {
    asked,
    failures,
    read: async () => {
      capabilities.startTick();
      reader.startTick();
      reader.readLocal();
      await settled(background);
      return reader.figures();
    },
  };
}

test('a host whose driver has nothing to say gives nothing, no zeros, and the reason', async () => {
  const host = await readerOf({}, ['host', 'pool', 'overcommit']).read();
  expect(host).toMatchObject({
    cpusOnline: undefined,
    cells: [],
    pools: [],
    topology: undefined,
    local: undefined,
  });
  expect([host.cpuNs.size, host.memoryKiB.size, host.ksm.size]).toEqual([0, 0, 0]);
  expect(Object.fromEntries([...(host.parts ?? [])].map(([part, { reason }]) => [part, reason]))).toEqual({
    cpus: 'not_supported',
    cpu: 'not_supported',
    memory: 'not_supported',
    ksm: 'not_supported',
    topology: 'not_supported',
    pools: 'not_supported',
  });
});

test('counts are learnt once, and at once again when the host wants another', async () => {
  let wanted = 2;
  const { read, asked } = readerOf(
    {
      nodeGetMemoryStats: ({ nparams }) => {
        if (nparams === 0) return { stats: [], nparams: wanted };
        if (nparams !== wanted) throw new Error('invalid argument: nparams');
        return { stats: [{ field: 'total', valueKiB: 5 }], nparams };
      },
    },
    ['overcommit'],
  );
  const memory = async (): Promise<number | undefined> => (await read()).memoryKiB.get('total');
  expect([await memory(), await memory()]).toEqual([5, 5]);
  expect(asked.filter((name) => name === 'nodeGetMemoryStats')).toHaveLength(3);
  wanted = 4;
  expect([await memory(), await memory()]).toEqual([5, 5]);
});

test('free pages find their cell and size, and without /proc libvirt has the CPU time', async () => {
  const { read } = readerOf(
    {
      connectGetCapabilities: () => ({ xml: CAPABILITIES }),
      nodeGetFreePages: () => ({ counts: [5n] }),
      nodeGetCpuStats: ({ nparams }) => ({
        stats: nparams === 0 ? [] : [{ field: 'kernel', value: 42n }],
        nparams: 1,
      }),
    },
    ['host'],
  );
  const host = await read();
  expect(host.cells[0]?.pages).toEqual([{ sizeKiB: 2_048, total: 8, free: 5 }]);
  expect(host.cpuNs.get('kernel')).toBe(42);
});

test('a part that begins to fail is reported once, and again when it has answered in between', async () => {
  let broken = true;
  const { read, failures } = readerOf(
    {
      connectListAllStoragePools: () => {
        if (broken) throw new RemoteError('connectListAllStoragePools', 38, 0, 'no storage driver');
        return { pools: [], count: 0 };
      },
    },
    ['pool'],
  );
  for (let tick = 0; tick < 5; tick++) {
    expect((await read()).parts?.get('pools')).toEqual({ ageMs: undefined, reason: 'error' });
  }
  expect(failures.map(([part]) => part)).toEqual(['pools']);
  broken = false;
  expect((await read()).parts?.get('pools')).toEqual({ ageMs: 0, reason: undefined });
  broken = true;
  nowMs += 30_000;
  await read();
  expect(failures.map(([part]) => part)).toEqual(['pools', 'pools']);
});

test('what a cell could give without swapping is its free pages and caches, in pages of the host', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'virtune-zoneinfo-'));
  try {
    writeFileSync(join(folder, 'zoneinfo'), ZONEINFO);
    const { read } = readerOf(
      { connectGetCapabilities: () => ({ xml: CAPABILITIES.replace('2048', '64') }) },
      ['host'],
      folder,
    );
    // Free pages 1000 + 500, minus 60 reserved; cache 300 + 500 and slabs 100, each minus the smaller of half and 60.
    expect((await read()).cells[0]?.availableKiB).toBe((1_440 + 740 + 50) * 64);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('CPU time of a host and of its cells does not fall when a CPU goes offline or iowait decreases', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'virtune-stat-'));
  const second = `<cpu id='1' socket_id='0' core_id='1'/></cpus>`;
  try {
    const { read } = readerOf(
      { connectGetCapabilities: () => ({ xml: CAPABILITIES.replace('</cpus>', second) }) },
      ['host', 'hostcpus'],
      folder,
    );
    const figures = async (stat: string) => {
      writeFileSync(join(folder, 'stat'), stat);
      const { cpuNs, cells, cpuNsByCpu } = await read();
      return [cpuNs.get('iowait'), cells[0]?.cpuNs.get('user'), cpuNsByCpu?.size];
    };
    expect(await figures('cpu 3 0 0 0 50\ncpu0 1 0 0 0 0\ncpu1 2 0 0 0 50\n')).toEqual([5e8, 3e7, 2]);
    expect(await figures('cpu 3 0 0 0 49\ncpu0 1 0 0 0 0\n')).toEqual([5e8, 3e7, 1]);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('each CPU is asked for where /proc is not there, also when nothing else of the host is', async () => {
  const answers: Answers = {
    connectGetCapabilities: () => ({ xml: CAPABILITIES }),
    nodeGetCpuStats: ({ cpu, nparams }) => ({
      stats: nparams === 0 ? [] : [{ field: 'idle', value: BigInt(cpu + 7) }],
      nparams: 1,
    }),
  };
  const host = await readerOf(answers, ['hostcpus']).read();
  expect([...(host.cpuNsByCpu ?? [])].map(([cpu, modes]) => [cpu, modes.get('idle')])).toEqual([[0, 7]]);
  expect((await readerOf(answers, ['host']).read()).cpuNsByCpu).toBeUndefined();
});

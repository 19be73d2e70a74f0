import { afterEach, expect, test } from 'vitest';
import { connect } from '../../../libvirt/client/connect.ts';
import { StatsGroup } from '../../../libvirt/constants.ts';
import { readDomainStats } from '../../../model/stats/read.ts';
import type { ReleaseName } from '../../../simulator/release.ts';
import { OnSimulator } from '../on-simulator.ts';

const reasons = { why: 'to see peaks of latency', source: 'judgement' };
const MEASURED = {
  title: 'measured disks',
  knobs: {
    'disk.statisticsIntervals': { value: [1, 60], ...reasons },
    'disk.latencyBins': { value: [100_000, 1_000_000], ...reasons },
  },
};
const SCENARIO = {
  name: 'measured',
  description: 'one VM',
  vms: [
    {
      name: 'db',
      workload: 'oltp',
      vcpus: 2,
      memoryMiB: 2_048,
      shutdownSeconds: 0,
      disks: [{ target: 'vda', sizeGiB: 50, format: 'raw' }],
    },
  ],
};

let host: OnSimulator | undefined;
afterEach(() => host?.stop());
const started = async (libvirt: ReleaseName): Promise<OnSimulator> => {
  host = await OnSimulator.start(SCENARIO, { libvirt, profiles: { measured: MEASURED } });
  return host;
};

/** Windows and bins in the statistics of the running VM. */
async function measured({ demo }: OnSimulator): Promise<unknown> {
  const connection = await connect(demo.uri, { readOnly: true });
  try {
    const { domain } = await connection.call('domainLookupByName', { name: 'db' });
    const { records } = await connection.call('connectGetAllDomainStats', {
      domains: [domain],
      stats: StatsGroup.block,
      flags: 0,
    });
    const [disk] = readDomainStats(records[0]?.params ?? []).blocks.values();
    return [...(disk?.windows?.values() ?? [])].map(({ intervalSeconds }) => intervalSeconds);
  } finally {
    await connection.close();
  }
}

test('windows are measured after the restart that a plan asks for, and a rollback restores each byte', async () => {
  const simulated = await started('12.9');
  const before = simulated.definition('db');
  expect(await measured(simulated)).toEqual([]);

  const plan = await simulated.plan('db', 'measured');
  expect((await simulated.apply(plan)).failure).toBeUndefined();
  expect(await measured(simulated)).toEqual([1, 60]);
  expect(simulated.definition('db')).toContain('<statistic interval=');

  expect((await simulated.rollback(plan.id)).failure).toBeUndefined();
  expect(simulated.definition('db')).toBe(before);
  expect(await measured(simulated)).toEqual([]);
});

test.each(['9.0', '11.3'] as const)(
  'libvirt %s: the plan says that this libvirt is too old, and does not change the disk',
  async (libvirt) => {
    const plan = await (await started(libvirt)).plan('db', 'measured');
    const rows = plan.domains[0]?.rows.map(({ verdict, wish }) => [
      wish.setting.id,
      verdict.kind === 'impossible' ? verdict.problem.code : verdict.kind,
    ]);
    expect(rows).toEqual([
      ['disk.statisticsIntervals', 'LIBVIRT_TOO_OLD'],
      ['disk.latencyBins', 'LIBVIRT_TOO_OLD'],
    ]);
    expect(JSON.stringify(plan.domains[0]?.steps)).not.toContain('<statistic');
  },
);

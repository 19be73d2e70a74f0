import { expect, test } from 'vitest';
import { StatsGroup } from '../../../libvirt/constants.ts';
import { readDomainStats } from '../../../model/stats/read.ts';
import type { Throwaway } from './throwaway.ts';

const MEASURED =
  "<statistics><statistic interval='10'/><latency-histogram type='read'><bin start='0'/><bin start='1000'/></latency-histogram></statistics>";

/** The statistics of a libvirt, by name. */
export function statisticsContract(make: () => Throwaway): void {
  const statsOf = async (stats: number): Promise<Map<string, unknown>> => {
    const { records } = await make().connection.call('connectGetAllDomainStats', {
      domains: [await make().find()],
      stats,
      flags: 0,
    });
    expect(readDomainStats(records[0]?.params ?? []).unknown.size).toBe(0);
    return new Map(records[0]?.params.map(({ field, value }) => [field, value]));
  };
  const fieldsOf = async (stats: number, prefix: string): Promise<string[]> =>
    [...(await statsOf(stats)).keys()]
      .filter((field) => field.startsWith(prefix))
      .map((field) => field.slice(prefix.length));
  /** Defined without validation: older versions ignore unknown elements. */
  const start = async (disks: string): Promise<void> => {
    await make().remove();
    await make().define(make().xml({ more: '<iothreads>1</iothreads>', disks }), 0);
    await make().start();
  };

  test('a disk has the statistics of this libvirt, and no other', async () => {
    const { blockFields, windowFields, histogramFields } = make().expected;
    await start(make().disk("cache='none'"));
    expect((await fieldsOf(StatsGroup.block, 'block.0.')).sort()).toEqual([...blockFields].sort());
    await start(
      make()
        .disk("cache='none'")
        .replace(/<driver (.*?)\/>/, `<driver $1>${MEASURED}</driver>`),
    );
    expect((await fieldsOf(StatsGroup.block, 'block.0.')).sort()).toEqual(
      [...blockFields, ...windowFields, ...histogramFields].sort(),
    );
  });

  test('an iothread has the statistics of this libvirt, and polls as its QEMU does by default', async () => {
    const { ioThreadFields, pollingByDefault } = make().expected;
    await start(make().disk("cache='none'"));
    const stats = await statsOf(StatsGroup.ioThread);
    const polling = [...stats]
      .filter(([field]) => field.startsWith('iothread.1.'))
      .map(([field, value]) => [field.slice('iothread.1.'.length), Number(value)]);
    expect(polling.map(([field]) => field)).toEqual(ioThreadFields);
    expect(Object.fromEntries(polling)).toEqual(pollingByDefault);
  });

  test('before a measurement the dirty rate is not started and the balloon has not reported', async () => {
    await start(make().disk("cache='none'"));
    const stats = await statsOf(StatsGroup.dirtyRate | StatsGroup.balloon);
    expect(stats.get('dirtyrate.calc_status')).toBe(0);
    expect([...stats.keys()].filter((field) => field.startsWith('dirtyrate.'))).toEqual(
      ['calc_status', 'calc_start_time', 'calc_period', 'calc_mode'].map((name) => `dirtyrate.${name}`),
    );
    expect(Number(stats.get('balloon.last-update'))).toBe(0);
  });
}

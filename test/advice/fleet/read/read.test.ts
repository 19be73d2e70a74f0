import fc from 'fast-check';
import { expect, test } from 'vitest';
import { inChunks, type Unread } from '../../../../advice/fleet/read/chunks.ts';
import { mergedHours, profileOf } from '../../../../advice/fleet/read/demand.ts';
import { readHours } from '../../../../advice/fleet/read/options.ts';
import * as queries from '../../../../advice/fleet/read/queries.ts';
import { hostPoolsOf, storageOf } from '../../../../advice/fleet/read/storage.ts';
import { recordingRules } from '../../../../dashboards/rules/recording.ts';
import { PrometheusError } from '../../../../sampler/prometheus/prometheus-error.ts';

const { NaN: none } = Number;
const hours = (...figures: readonly number[]) => Float32Array.from(figures);

test('all recorded series that are read are recorded by the rules that virtune ships', () => {
  const recorded = new Set<string>(recordingRules.map(({ record }) => record));
  const read = Object.values(queries).flatMap((value) => (typeof value === 'function' ? [] : value));
  const names = [...new Set(read.filter((name) => name.includes(':')))];
  expect(names).toHaveLength(9);
  expect(names.filter((name) => !recorded.has(name))).toEqual([]);
});

test('a selector takes names, jobs and hosts as they are', () => {
  const on = { job: 'virtune.*', instances: ['a.b:1', '[::1]:9"'] };
  expect(queries.selector(['x'], on, 'a="b"')).toBe(
    String.raw`{__name__="x", job=~"virtune.*", instance=~"a\\.b:1|\\[::1\\]:9\"", a="b"}`,
  );
  expect(queries.selector(['x', 'y:z'], { job: '.+' })).toBe('{__name__=~"x|y:z", job=~".+"}');
});

test('demand of an hour of the day is what one day in ten exceeds; an unknown hour has the highest of the others', () => {
  const days = Array.from({ length: 10 }, (_, day) =>
    Array.from({ length: 24 }, (_, hour) => (hour === 5 ? day : 1)),
  );
  expect(profileOf(hours(...days.flat()), 0)?.demandCpus[5]).toBe(8);
  const two = profileOf(hours(...Array(23).fill(1), 3, ...Array(23).fill(2), none), 4);
  expect(two?.demandCpus[4]).toBe(2);
  expect(two?.demandCpus[3]).toBe(3);
  expect(two?.hoursKnown).toBe(47);
  expect([...(profileOf(hours(none, 4, 6), 23)?.demandCpus ?? [])]).toEqual([4, 6, ...Array(22).fill(6)]);
  expect(profileOf(hours(none, none), 0)).toBeUndefined();
});

test('the variance between hours is that of their means', () => {
  expect(profileOf(hours(1, 3, 1, 3), 0)?.varianceBetweenHours).toBeCloseTo(1, 6);
  expect(profileOf(hours(2, none, 2), 0)?.varianceBetweenHours).toBe(0);
});

test('a VM that moved has the hours of both hosts, and the higher figure while it was on both', () => {
  expect([...mergedHours([hours(1, 2, none, none), hours(none, 1, 3, none)])]).toEqual([1, 2, 3, none]);
});

test('an hour counts for the hour of the day that it is in', () => {
  const at = (iso: string) => Date.parse(iso) / 1_000;
  const read = (iso: string) => readHours({ nowSeconds: at(iso), rangeSeconds: 2 * 86_400 });
  expect(read('2026-01-15T14:00:00Z')).toMatchObject({
    count: 48,
    firstHour: 14,
    startSeconds: at('2026-01-13T15:00:00Z'),
  });
  expect(read('2026-01-15T14:10:00Z').firstHour).toBe(14);
  expect(read('2026-01-15T14:50:00Z').firstHour).toBe(15);
});

test('shared storage is a pool with a server, at the same path; all else is local, but for what the constraints name', () => {
  const pools = hostPoolsOf([
    { storage_pool: 'nfs', type: 'netfs', path: '/srv/nfs/', source_host: 'filer', source_dir: '/vol1' },
    { storage_pool: 'default', type: 'dir', path: '/var/lib/libvirt/images' },
    { storage_pool: 'scratch', type: 'dir', path: '/srv/nfs/scratch' },
  ]);
  expect(pools.map(({ key }) => key !== undefined)).toEqual([true, false, false]);
  const of = (...disks: readonly (readonly [string, string])[]) =>
    storageOf(
      disks.map(([disk_type, source_file]) => ({ disk_type, source_file })),
      pools,
      ['/dev/mapper/san-'],
    );
  expect(of(['network', 'rbd:vms/a'], ['file', ''], ['block', '/dev/mapper/san-1'])).toEqual({
    keys: [],
    isLocal: false,
  });
  expect(of(['file', '/srv/nfs/a.qcow2'], ['volume', 'nfs/b'])).toEqual({
    keys: [pools[0]?.key],
    isLocal: false,
  });
  expect(of(['file', '/srv/nfs2/a']).isLocal).toBe(true);
  // A folder of the host that is mounted inside that of the server.
  expect(of(['file', '/srv/nfs/scratch/a'])).toEqual({ keys: [], isLocal: true });
  expect(of(['file', '/var/lib/libvirt/images/a'], ['file', '/srv/nfs/b'])).toEqual({
    keys: [pools[0]?.key],
    isLocal: true,
  });
  expect(of(['volume', 'default/a']).isLocal).toBe(true);
  expect(of(['block', '/dev/vg/a']).isLocal).toBe(true);
});

test('a chunk that is too much is halved, down to the host that is: all others are read, each once', async () => {
  const instances = fc.uniqueArray(fc.string({ minLength: 1 }), { maxLength: 200 });
  await fc.assert(
    fc.asyncProperty(instances, fc.nat(), async (all, seed) => {
      const bad = all[seed % Math.max(1, all.length)];
      const unread: Unread[] = [];
      const read: string[] = [];
      const ask = async (chunk: readonly string[]) => {
        if (bad !== undefined && chunk.includes(bad))
          throw new PrometheusError('PROMETHEUS_QUERY', 'too many samples');
        return chunk;
      };
      for await (const chunk of inChunks(all, ask, unread)) read.push(...chunk);
      expect(read.toSorted()).toEqual(all.filter((each) => each !== bad).toSorted());
      expect(unread).toEqual(bad === undefined ? [] : [{ instance: bad, reason: 'too many samples' }]);
    }),
    { numRuns: 50 },
  );
});

test('other errors end the reading', async () => {
  const fails = async () => {
    throw new PrometheusError('PROMETHEUS_UNREACHABLE', 'gone');
  };
  const reading = async () => {
    for await (const _ of inChunks(['a', 'b'], fails, [])) expect.unreachable();
  };
  await expect(reading()).rejects.toThrow('gone');
});

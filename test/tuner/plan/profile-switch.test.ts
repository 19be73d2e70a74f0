import { afterAll, beforeAll, expect, test } from 'vitest';
import { parseXml } from '../../../model/xml.ts';
import { settings } from '../../../tuner/settings/all.ts';
import { targetsOf } from '../../../tuner/settings/targets.ts';
import { OnSimulator } from '../on-simulator.ts';

const VM = { workload: 'oltp', disks: [{ target: 'vda', sizeGiB: 50, format: 'raw' }] };
const HOST = {
  name: 'race',
  description: 'two cells, three VMs',
  host: { sockets: 2, coresPerSocket: 8, memoryGiB: 256 },
  vms: [
    { ...VM, name: 'dba', vcpus: 4, memoryMiB: 8_192, shutdownSeconds: 0 },
    { ...VM, name: 'dbb', vcpus: 4, memoryMiB: 8_192, shutdownSeconds: 0 },
    { ...VM, name: 'web', vcpus: 2, memoryMiB: 2_048, shutdownSeconds: 0 },
  ],
};

/** A user's profiles: a memory mode for the cells of a placement, without a placement. */
const PROFILES = {
  unplaced: {
    title: 'unplaced',
    knobs: { 'numa.memory': { value: 'preferred', why: 'a test wants it', source: 'judgement' } },
  },
};

let host: OnSimulator;
beforeAll(async () => {
  host = await OnSimulator.start(HOST, { profiles: PROFILES });
});
afterAll(() => host.stop());

/** Values of all settings in a definition. */
function said(xml: string): Record<string, string> {
  const root = parseXml('a definition', xml, 'domain');
  return Object.fromEntries(
    settings.flatMap((setting) =>
      targetsOf(root, setting.on).flatMap((target) => {
        const value = setting.read(root, target);
        return value === undefined ? [] : [[`${setting.id} ${target}`.trim(), value]];
      }),
    ),
  );
}

const DANGEROUS = /sched|hint-dedicated|locked|hardLimit|hugepages|nosharepages/;

test.each([
  ['web', 'low-latency', 'balanced'],
  ['web', 'low-latency', 'dense'],
  ['dbb', 'oltp-database', 'balanced'],
  ['dbb', 'oltp-database', 'dense'],
])('%s: %s leaves nothing to %s, and a rollback restores everything exactly', async (name, first, second) => {
  const before = host.definition(name);
  const one = await host.apply(await host.plan(name, first));
  expect(one.failure).toBeUndefined();
  const between = host.definition(name);
  expect(Object.keys(said(between)).filter((key) => DANGEROUS.test(key))).not.toEqual([]);

  const plan = await host.plan(name, second);
  const taken = plan.domains[0]?.rows.filter(({ wish }) => wish.takenBack === true) ?? [];
  expect(taken.map(({ wish }) => wish.why)).toContain(
    `profile ${first} set it, and ${second} does not: it returns to its previous value`,
  );
  const two = await host.apply(plan);
  expect(two.failure).toBeUndefined();
  const left = said(host.definition(name));
  expect(Object.keys(left).filter((key) => DANGEROUS.test(key))).toEqual([]);
  // As if the first profile had never been applied: only the second one's settings.
  expect(allSame((await host.plan(name, second)).domains[0]?.rows ?? [])).toBe(true);

  await host.rollback(two.id);
  expect(host.definition(name)).toBe(between);
  await host.rollback(one.id);
  expect(host.definition(name)).toBe(before);
});

const allSame = (rows: readonly { readonly verdict: { readonly kind: string } }[]): boolean =>
  rows.every(({ verdict: { kind } }) => kind === 'same' || kind === 'impossible' || kind === 'guest');

test('what a user has changed by hand in between stays, and the plan says so', async () => {
  const one = await host.apply(await host.plan('web', 'low-latency'));
  const vm = host.demo.daemon.vm('web');
  vm.define(
    host.definition('web').replace(/<hard_limit unit='KiB'>\d+</, "<hard_limit unit='KiB'>99614720<"),
  );
  const plan = await host.plan('web', 'balanced');
  expect(plan.domains[0]?.left).toEqual([
    expect.stringMatching(
      /^memtune\.hardLimit: profile low-latency set 6 GiB, and something else has changed it since/,
    ),
  ]);
  const two = await host.apply(plan);
  expect(said(host.definition('web'))['memtune.hardLimit']).toBe('95 GiB');
  await host.rollback(two.id);
  await host.rollback(one.id).catch(() => undefined);
});

test('a memory mode goes with the host cells that the earlier profile placed it on: libvirt takes neither alone', async () => {
  const before = host.definition('web');
  const one = await host.apply(await host.plan('web', 'balanced'));
  expect(said(host.definition('web'))).toMatchObject({ 'numatune.mode': 'preferred' });
  const plan = await host.plan('web', 'unplaced');
  const verdicts = plan.domains[0]?.rows
    .filter(({ wish }) => wish.setting.id.startsWith('numatune.'))
    .map(({ wish, verdict }) => [wish.setting.id, verdict.kind]);
  expect(verdicts).toEqual([
    ['numatune.nodeset', 'boot'],
    ['numatune.mode', 'impossible'],
  ]);
  const two = await host.apply(plan);
  expect(two.failure).toBeUndefined();
  expect(said(host.definition('web'))).not.toHaveProperty('numatune.mode');
  await host.rollback(two.id);
  await host.rollback(one.id);
  expect(host.definition('web')).toBe(before);
});

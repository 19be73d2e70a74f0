import { afterEach, beforeEach, expect, test } from 'vitest';
import { connect } from '../../../libvirt/client/connect.ts';
import { Impact } from '../../../libvirt/constants.ts';
import { CpuSet } from '../../../model/cpu-set.ts';
import { PagePools } from '../../../simulator/page-pools.ts';
import { perform } from './job.ts';
import { Abandoned } from './kill.ts';
import { writeProfiles } from './own-profiles.ts';
import { SimulatedHistoryHost } from './simulated.ts';
import type { User, Wanted } from './user.ts';

/** What histories have found once, each on a host of its own. */
const VM = {
  vcpus: 2,
  memoryMiB: 2_048,
  disks: [{ target: 'vda', sizeGiB: 5, format: 'raw' }],
  ioThreads: 1,
  state: 'running',
  byHand: 'nothing',
} as const;
const HOST = {
  sockets: 1,
  coresPerSocket: 8,
  threadsPerCore: 1,
  memoryGiB: 64,
  hugepages: { 2048: 0, 1048576: 0 },
} as const;

const vms = (state: 'running' | 'paused') =>
  [VM, VM, VM].map((vm) => ({ ...vm, state, disks: [...vm.disks] })) as never;

let host: SimulatedHistoryHost;
let abandoned: Abandoned;
beforeEach(async () => {
  host = await SimulatedHistoryHost.start({
    host: { ...HOST },
    vms: vms('running'),
  });
  abandoned = new Abandoned();
});
afterEach(async () => {
  await abandoned.end();
  await host.stop();
});

const user = (index: number): User => host.users[index] as User;

const wanted = (profiles: Readonly<Record<string, string>>, more: Partial<Wanted> = {}): Wanted => ({
  picks: Object.entries(profiles).map(([name, profile]) => ({ name, profile })),
  restart: false,
  together: true,
  ...more,
});

async function apply(by: User, what: Wanted): Promise<readonly string[]> {
  const { transactions, refusals } = await by.plan(what);
  expect(refusals).toEqual([]);
  const outcomes = await perform({ kind: 'apply', transactions }, by.options());
  expect(outcomes.map(({ kind }) => kind)).toEqual(transactions.map(() => 'committed'));
  return transactions.map(({ id }) => id);
}

async function recover(by: User) {
  const [outcome] = await perform({ kind: 'recover', hostname: 'simulated-host', how: 'undo' }, by.options());
  return outcome;
}

const rollback = (by: User, id: string | undefined, restarts = false) =>
  perform({ kind: 'rollback', id: id ?? '', restarts }, by.options());

test('what another user has tuned after a run was killed stays when that run is recovered, live and on the host too', async () => {
  const start = host.picture();
  const { transactions } = await user(0).plan(wanted({ a: 'low-latency' }));
  expect(await abandoned.at(user(0), { kind: 'apply', transactions }, 80, false)).not.toMatch(/^ended/);
  const [theirs] = await apply(user(1), wanted({ a: 'oltp-database' }));
  const before = host.picture();
  const outcome = await recover(user(0));
  expect(outcome?.kind).toBe('incomplete');
  for (const { message } of outcome?.remains ?? [])
    expect(message).toMatch(/domain "a" was tuned since by transaction .* \(profile oltp-database/);
  expect(host.picture()).toEqual(before);
  expect(await rollback(user(1), theirs)).toMatchObject([{ kind: 'rolled back' }]);
  expect(await recover(user(0))).toMatchObject({ kind: 'undone', remains: [] });
  expect(host.picture()).toEqual(start);
});

test('pages that a VM will boot with are not counted as free for another one', async () => {
  await apply(user(0), wanted({ a: 'low-latency' }));
  const { plan } = await user(1).plan(wanted({ b: 'low-latency' }));
  expect(plan.hostPlan.steps).toEqual([{ kind: 'hostPages', cell: 0, sizeKiB: 2_048, to: 2_048 }]);
});

test('pages that a VM will boot with do not go back with the part of the run that made them', async () => {
  const [pages] = await apply(user(0), wanted({ a: 'low-latency', b: 'balanced' }, { together: false }));
  const before = host.picture();
  await expect(rollback(user(0), pages)).rejects.toMatchObject({
    code: 'TUNE_CHANGED',
    message: expect.stringMatching(/1024 hugepages would be missing at the next boot of "a"/),
  });
  expect(host.picture()).toEqual(before);
});

test('pages that another user’s VM runs on by now do not go back with a run that was cut off: it would not boot again', async () => {
  const start = host.picture();
  const [pages] = await apply(user(0), wanted({ a: 'oltp-database' }, { restart: true }));
  const rollback = { kind: 'rollback', id: pages ?? '', restarts: true } as const;
  // All but the pool is as before.
  await abandoned.at(user(0), rollback, 'before nodeAllocPages', false);
  writeProfiles(host.profiles, { huge: { extends: undefined, knobs: { 'memory.pages': '2 MiB' } } });
  const [theirs] = await apply(user(1), wanted({ b: 'huge' }, { restart: true }));
  const before = host.picture();
  const outcome = await recover(user(0));
  expect(outcome).toMatchObject({
    kind: 'incomplete',
    remains: [{ message: expect.stringMatching(/1024 would be missing at the next boot of "b"/) }],
  });
  await host.reboot('b');
  expect(host.picture()).toEqual(before);
  expect(
    await perform({ kind: 'rollback', id: theirs ?? '', restarts: true }, user(1).options()),
  ).toMatchObject([{ kind: 'rolled back' }]);
  expect(await recover(user(0))).toMatchObject({ remains: [] });
  expect(host.picture()).toEqual(start);
});

test('CPUs of real-time vCPUs that stay where they are until a boot are nobody else’s before it', async () => {
  await apply(user(0), wanted({ a: 'low-latency', b: 'balanced' }, { restart: true }));
  const cramped = wanted({ a: 'windows', b: 'low-latency' });
  const { refusals } = await user(0).plan(cramped);
  expect(refusals.join()).toMatch(/a: UNSAFE (REAL_TIME|HINT)_SHARES_CPU: .*, until its next boot/);
  expect((await user(0).plan({ ...cramped, restart: true })).refusals).toEqual([]);
});

test('a restart stands though the balloon is not there yet: the guest gives memory back once its driver runs', async () => {
  await host.stop();
  host = await SimulatedHistoryHost.start({ host: { ...HOST }, vms: vms('paused') });
  writeProfiles(host.profiles, {
    small: { extends: undefined, knobs: { 'balloon.size': '1 GiB', 'memory.nosharepages': 'on' } },
  });
  await apply(user(0), wanted({ a: 'small' }, { restart: true }));
  const { runs, definitions } = host.picture();
  expect(definitions['a']).toContain("<currentMemory unit='KiB'>1048576</currentMemory>");
  expect(runs['a']).toMatchObject({ xml: expect.stringContaining('<nosharepages/>') });
});

test('what somebody has put back by hand stands in no way of a rollback', async () => {
  const before = host.picture();
  const [id] = await apply(user(0), wanted({ a: 'balanced' }));
  const connection = await connect(host.uri, { readOnly: false });
  const { domain } = await connection.call('domainLookupByName', { name: 'a' });
  const map = CpuSet.parse('0-7').toBitmap(1);
  await connection.call('domainPinVcpuFlags', { domain, vcpu: 0, map, flags: Impact.live });
  await connection.close();
  expect(await rollback(user(0), id, true)).toMatchObject([{ kind: 'rolled back', remains: [] }]);
  expect(host.picture()).toEqual(before);
});

test('a simulated VM takes pages from the cells that it prefers first', () => {
  const pools = new PagePools(2, new Map([[2_048, 10]]));
  expect(pools.take([{ sizeKiB: 2_048, pages: 12, cells: undefined }], [1])).toEqual([
    { cell: 1, sizeKiB: 2_048, count: 10 },
    { cell: 0, sizeKiB: 2_048, count: 2 },
  ]);
});

import { expect, test } from 'vitest';
import { connect } from '../../../libvirt/client/connect.ts';
import { Impact } from '../../../libvirt/constants.ts';
import { CpuSet } from '../../../model/cpu-set.ts';
import { PagePools } from '../../../simulator/page-pools.ts';
import { HostOfTwo, shape, wanted } from './host-of-two.ts';
import { perform } from './job.ts';
import { writeProfiles } from './own-profiles.ts';
import { SimulatedHistoryHost } from './simulated.ts';

/** Faults that histories once found, each on a separate host. */
const on = new HostOfTwo();

test('what another user has tuned after a run was killed stays when that run is recovered, live and on the host too', async () => {
  const start = on.host.picture();
  const { transactions } = await on.user(0).plan(wanted({ a: 'low-latency' }));
  expect(await on.abandoned.at(on.user(0), { kind: 'apply', transactions }, 80, false)).not.toMatch(/^ended/);
  const [theirs] = await on.apply(on.user(1), wanted({ a: 'oltp-database' }));
  const before = on.host.picture();
  const outcome = await on.recover(on.user(0));
  expect(outcome?.kind).toBe('incomplete');
  for (const { message } of outcome?.remains ?? [])
    expect(message).toMatch(/transaction .* has since tuned domain "a" \(profile oltp-database/);
  expect(on.host.picture()).toEqual(before);
  expect(await on.rollback(on.user(1), theirs)).toMatchObject([{ kind: 'rolled back' }]);
  expect(await on.recover(on.user(0))).toMatchObject({ kind: 'undone', remains: [] });
  expect(on.host.picture()).toEqual(start);
});

test('pages that a VM will boot with are not counted as free for another one', async () => {
  await on.apply(on.user(0), wanted({ a: 'low-latency' }));
  const { plan } = await on.user(1).plan(wanted({ b: 'low-latency' }));
  expect(plan.hostPlan.steps).toEqual([{ kind: 'hostPages', cell: 0, sizeKiB: 2_048, to: 2_048 }]);
});

test('pages that a VM will boot with do not go back with the part of the run that made them', async () => {
  const [pages] = await on.apply(
    on.user(0),
    wanted({ a: 'low-latency', b: 'balanced' }, { together: false }),
  );
  const before = on.host.picture();
  await expect(on.rollback(on.user(0), pages)).rejects.toMatchObject({
    code: 'TUNE_CHANGED',
    message: expect.stringMatching(/1024 huge pages would be missing at the next boot of "a"/),
  });
  expect(on.host.picture()).toEqual(before);
});

test('pages that the VM of another user has come to use are not returned with an interrupted run: that VM would not boot again', async () => {
  const start = on.host.picture();
  const [pages] = await on.apply(on.user(0), wanted({ a: 'oltp-database' }, { restart: true }));
  const rollback = { kind: 'rollback', id: pages ?? '', restarts: true } as const;
  // Everything except the pool is as before.
  await on.abandoned.at(on.user(0), rollback, 'before nodeAllocPages', false);
  writeProfiles(on.host.profiles, { huge: { extends: undefined, knobs: { 'memory.pages': '2 MiB' } } });
  const [theirs] = await on.apply(on.user(1), wanted({ b: 'huge' }, { restart: true }));
  const before = on.host.picture();
  const outcome = await on.recover(on.user(0));
  expect(outcome).toMatchObject({
    kind: 'incomplete',
    remains: [{ message: expect.stringMatching(/1024 would be missing at the next boot of "b"/) }],
  });
  await on.host.reboot('b');
  expect(on.host.picture()).toEqual(before);
  expect(
    await perform({ kind: 'rollback', id: theirs ?? '', restarts: true }, on.user(1).options()),
  ).toMatchObject([{ kind: 'rolled back' }]);
  expect(await on.recover(on.user(0))).toMatchObject({ remains: [] });
  expect(on.host.picture()).toEqual(start);
});

test('a VM that is not placed is refused huge pages that the host does not have: its restart would fail', async () => {
  writeProfiles(on.host.profiles, { huge: { extends: 'dense', knobs: { 'memory.pages': '2 MiB' } } });
  const { refusals } = await on.user(0).plan(wanted({ a: 'huge' }, { restart: true }));
  expect(refusals).toEqual(['a: NO_PAGES 1,024 pages of 2 MiB are missing for a to start']);
});

test('CPUs of real-time vCPUs that stay in place until a boot go to no other VM before it', async () => {
  await on.apply(on.user(0), wanted({ a: 'low-latency', b: 'balanced' }, { restart: true }));
  const cramped = wanted({ a: 'windows', b: 'low-latency' });
  const { refusals } = await on.user(0).plan(cramped);
  expect(refusals.join()).toMatch(/a: UNSAFE (REAL_TIME|HINT)_SHARES_CPU: .*, until its next boot/);
  expect((await on.user(0).plan({ ...cramped, restart: true })).refusals).toEqual([]);
});

test('a restart stands though the balloon is not there yet: the guest returns memory once its driver runs', async () => {
  await on.host.stop();
  on.host = await SimulatedHistoryHost.start(
    shape({}, [{ state: 'paused' }, { state: 'paused' }, { state: 'paused' }]),
  );
  writeProfiles(on.host.profiles, {
    small: { extends: undefined, knobs: { 'balloon.size': '1 GiB', 'memory.nosharepages': 'on' } },
  });
  await on.apply(on.user(0), wanted({ a: 'small' }, { restart: true }));
  const { runs, definitions } = on.host.picture();
  expect(definitions['a']).toContain("<currentMemory unit='KiB'>1048576</currentMemory>");
  expect(runs['a']).toMatchObject({ xml: expect.stringContaining('<nosharepages/>') });
});

test('what a user has restored by hand does not block a rollback', async () => {
  const before = on.host.picture();
  const [id] = await on.apply(on.user(0), wanted({ a: 'balanced' }));
  const connection = await connect(on.host.uri, { readOnly: false });
  const { domain } = await connection.call('domainLookupByName', { name: 'a' });
  const map = CpuSet.parse('0-7').toBitmap(1);
  await connection.call('domainPinVcpuFlags', { domain, vcpu: 0, map, flags: Impact.live });
  await connection.close();
  expect(await on.rollback(on.user(0), id, true)).toMatchObject([{ kind: 'rolled back', remains: [] }]);
  expect(on.host.picture()).toEqual(before);
});

test('a simulated VM takes pages from the cells that it prefers first', () => {
  const pools = new PagePools(2, new Map([[2_048, 10]]));
  expect(pools.take([{ sizeKiB: 2_048, pages: 12, cells: undefined }], [1])).toEqual([
    { cell: 1, sizeKiB: 2_048, count: 10 },
    { cell: 0, sizeKiB: 2_048, count: 2 },
  ]);
});

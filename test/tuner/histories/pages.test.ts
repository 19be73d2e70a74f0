import { expect, test } from 'vitest';
import { HostOfTwo, shape, wanted } from './host-of-two.ts';
import { perform } from './job.ts';

/** Pages that a rollback must not count: wrong refusals that histories have found. */
const on = new HostOfTwo(shape({ sockets: 2, coresPerSocket: 4 }, [{}, {}, {}]));

test('a VM that was selected and not changed counts as it is now, not as it was then', async () => {
  const start = on.host.picture();
  const [first] = await on.apply(on.user(0), wanted({ c: 'low-latency' }, { restart: true }));
  // Includes c, which already is as wanted.
  const [second] = await on.apply(on.user(1), wanted({ c: 'low-latency', b: 'network' }, { restart: true }));
  await on.rollback(on.user(0), first, true);
  expect(await on.rollback(on.user(1), second, true)).toMatchObject([{ kind: 'rolled back', remains: [] }]);
  expect(on.host.picture()).toEqual(start);
});

test('pages of a VM that only prefers a cell are taken to be where no other VM accounts for those in use', async () => {
  const start = on.host.picture();
  const [bound] = await on.apply(on.user(0), wanted({ b: 'oltp-database' }, { restart: true }));
  const [preferring] = await on.apply(on.user(1), wanted({ c: 'windows' }, { restart: true }));
  const [pools] = [on.host.picture().host];
  expect(pools).toEqual([
    [1_024, 0],
    [1_024, 0],
  ]);
  expect(await on.rollback(on.user(1), preferring, true)).toMatchObject([
    { kind: 'rolled back', remains: [] },
  ]);
  await on.rollback(on.user(0), bound, true);
  expect(on.host.picture()).toEqual(start);
});

test('a finish that ends in an undo keeps the pages that another user has added since', async () => {
  const { transactions } = await on.user(0).plan(wanted({ a: 'oltp-database' }));
  const grown = ({ when, what }: { when: string; what: string }): boolean =>
    when === 'after' && what === 'journal done 0';
  await on.abandoned.at(on.user(0), { kind: 'apply', transactions }, 0, false, grown);
  const [theirs] = await on.apply(on.user(1), wanted({ a: 'low-latency', b: 'oltp-database' }));
  const before = on.host.picture();
  const outcome = await on.recover(on.user(0), 'finish');
  expect(outcome).toMatchObject({ kind: 'incomplete', failure: { code: 'TUNE_CHANGED' } });
  expect(on.host.picture()).toEqual(before);
  await on.rollback(on.user(1), theirs, true);
  expect(await on.recover(on.user(0))).toMatchObject({ kind: 'undone', remains: [] });
});

test('without a restart a pool whose pages a VM holds cannot shrink: the rollback is refused before it changes anything, and --restart works', async () => {
  const start = on.host.picture();
  const [id = ''] = await on.apply(on.user(0), wanted({ a: 'oltp-database' }, { restart: true }));
  const before = on.host.picture();
  await expect(on.rollback(on.user(0), id)).rejects.toMatchObject({
    code: 'TUNE_CHANGED',
    message: expect.stringMatching(
      new RegExp(
        `transaction ${id} cannot be rolled back now, and nothing was changed: cell 0 cannot return to 0 pages of 2048 KiB: 1024 of them are in use until the next boot of "a"; .*virtune tune rollback ${id} --restart`,
      ),
    ),
  });
  expect(on.host.picture()).toEqual(before);
  expect((await on.user(0).journals()).map(({ progress }) => progress.status)).toEqual(['committed']);
  expect(await on.rollback(on.user(0), id, true)).toMatchObject([{ kind: 'rolled back', remains: [] }]);
  expect(on.host.picture()).toEqual(start);
});

test('--force restores all but the pool, which goes back with a recover after the boot', async () => {
  const start = on.host.picture();
  const [id = ''] = await on.apply(on.user(0), wanted({ a: 'oltp-database' }, { restart: true }));
  const [outcome] = await perform(
    { kind: 'rollback', id, restarts: false, force: true },
    on.user(0).options(),
  );
  expect(outcome).toMatchObject({ kind: 'incomplete', remains: [{ step: { kind: 'hostPages' } }] });
  expect(on.host.picture().definitions).toEqual(start.definitions);
  await on.host.reboot('a');
  expect(await on.recover(on.user(0))).toMatchObject({ kind: 'rolled back', remains: [] });
  expect(on.host.picture()).toEqual(start);
});

test('a pool that waits for a VM’s first boot on it goes back without a restart', async () => {
  const start = on.host.picture();
  const [id] = await on.apply(on.user(0), wanted({ a: 'oltp-database' }));
  expect(on.host.picture().host).not.toEqual(start.host);
  expect(await on.rollback(on.user(0), id)).toMatchObject([{ kind: 'rolled back', remains: [] }]);
  expect(on.host.picture()).toEqual(start);
});

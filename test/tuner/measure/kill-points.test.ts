import { expect, test } from 'vitest';
import type { Point } from '../../../tuner/journal/journal.ts';
import { HostOfTwo, shape, wanted } from '../histories/host-of-two.ts';
import { type Job, perform } from '../histories/job.ts';
import { killStride } from '../kill-stride.ts';

/** A VM that shares CPUs, so that its pins, shares and iothreads can be switched while it runs. */
const hosts = new HostOfTwo(shape({ hugepages: { 2048: 8_192, 1048576: 0 } as never }));
const WANTED = wanted({ a: 'oltp-database' });
/** Long enough for some hundred runs on a busy machine. */
const TIMEOUT_MS = 600_000;
/** The first time the experiment switches the settings off: all of them are set. */
const FIRST_OFF = 'before journal undoing 4';
const atRecord = ({ when, what }: Point): boolean => when === 'before' && what.startsWith('journal');

async function experiment(restart = false): Promise<Job & { kind: 'experiment' }> {
  const { transactions, refusals } = await hosts.user(0).plan({ ...WANTED, restart });
  expect(refusals).toEqual([]);
  const [transaction] = transactions;
  if (transaction === undefined) throw new Error('nothing to change');
  return { kind: 'experiment', transaction };
}

test('an experiment switches several settings of a simulated VM several times, and ends with all of them', async () => {
  const job = await experiment();
  const outcomes = await perform(job, hosts.user(0).options());
  expect(outcomes).toMatchObject([{ kind: 'committed', remains: [] }]);
  const [record] = await hosts.user(0).journals();
  const undone = record?.events.filter(({ event }) => event === 'undone') ?? [];
  expect(new Set(undone.map((each) => 'step' in each && each.step)).size).toBeGreaterThan(3);
  expect(undone.length).toBeGreaterThan(12);
});

test(
  'killed before any record of its journal, recover leaves host and VMs as they were, and the next experiment can begin',
  async () => {
    const { host, abandoned } = hosts;
    const before = host.picture();
    let points = 0;
    for (; ; points += killStride(41)) {
      const at = await abandoned.at(hosts.user(0), await experiment(), points, false, atRecord);
      if (at.startsWith('ended')) break;
      const outcome = await hosts.recover(hosts.user(0));
      // Before its first record nothing was touched, and there is nothing to recover.
      if (outcome !== undefined) expect(outcome, at).toMatchObject({ kind: 'undone', remains: [] });
      expect(host.picture(), at).toEqual(before);
    }
    expect(points).toBeGreaterThan(100);
    await abandoned.end();
    // The last run completed.
    expect((await hosts.user(0).journals())[0]?.progress.status).toBe('committed');
  },
  TIMEOUT_MS,
);

test(
  'killed before any record of restarts that are measured, recover leaves host and VMs as they were',
  async () => {
    const { host, abandoned } = hosts;
    const before = host.picture();
    let points = 0;
    for (; ; points += killStride(3)) {
      const at = await abandoned.at(hosts.user(0), await experiment(true), points, false, atRecord);
      if (at.startsWith('ended')) break;
      const outcome = await hosts.recover(hosts.user(0));
      if (outcome !== undefined) expect(outcome, at).toMatchObject({ kind: 'undone', remains: [] });
      expect(host.picture(), at).toEqual(before);
    }
    expect(points).toBeGreaterThan(15);
    await abandoned.end();
    expect((await hosts.user(0).journals())[0]?.progress.status).toBe('committed');
  },
  TIMEOUT_MS,
);

test(
  'a recover of an experiment that is killed before any record is finished by the next one',
  async () => {
    const { host, abandoned } = hosts;
    const before = host.picture();
    const recover: Job = { kind: 'recover', hostname: 'simulated-host', how: 'undo' };
    let points = 0;
    for (; ; points += killStride(5)) {
      await abandoned.at(hosts.user(0), await experiment(), FIRST_OFF, false, atRecord);
      const at = await abandoned.at(hosts.user(0), recover, points, false, atRecord);
      if (at.startsWith('ended')) break;
      expect(await hosts.recover(hosts.user(0)), at).toMatchObject({ kind: 'undone', remains: [] });
      expect(host.picture(), at).toEqual(before);
    }
    // Each of the switched settings has two lines, after that of the recover itself.
    expect(points).toBeGreaterThan(10);
    expect(host.picture()).toEqual(before);
    await abandoned.end();
  },
  TIMEOUT_MS,
);

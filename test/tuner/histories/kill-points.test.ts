import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Point } from '../../../tuner/journal/journal.ts';
import { killStride } from '../kill-stride.ts';
import { broken } from './checks.ts';
import type { Picture } from './history.ts';
import { shape } from './host-of-two.ts';
import { type Job, perform } from './job.ts';
import { Abandoned } from './kill.ts';
import { SimulatedHistoryHost } from './simulated.ts';
import type { User, Wanted } from './user.ts';

/**
 * A host with room for one VM on dedicated CPUs: `a` has them at first, and each run moves them to `b`. If the steps
 * are in the wrong order, some kill leaves both on the same CPUs.
 */
const SHAPE = shape({}, [{ vcpus: 3 }, { vcpus: 3 }, { vcpus: 1, state: 'shutoff' }]);

const PICKS = [
  { name: 'b', profile: 'low-latency' },
  { name: 'a', profile: 'balanced' },
  { name: 'c', profile: 'dense' },
];
/** Long enough for some hundred runs on a busy machine. */
const TIMEOUT_MS = 600_000;

let host: SimulatedHistoryHost;
let abandoned: Abandoned;
let user: User;
/** The transaction on which all others build. */
let base: string;
beforeEach(async () => {
  host = await SimulatedHistoryHost.start(SHAPE);
  abandoned = new Abandoned();
  user = host.users[0] as User;
  [base = ''] = await apply({ picks: [{ name: 'a', profile: 'network' }], restart: true, together: true });
});
afterEach(async () => {
  await abandoned.end();
  await host.stop();
});

/** Stride over the records of the journal. */
const EVERY = killStride(11);
const atRecord = ({ when, what }: Point): boolean => when === 'before' && what.startsWith('journal');

async function planned(wanted: Wanted): Promise<Job & { kind: 'apply' }> {
  const { transactions, refusals } = await user.plan(wanted);
  expect(refusals).toEqual([]);
  return { kind: 'apply', transactions };
}

/** Ids of its transactions, newest first. */
async function apply(wanted: Wanted): Promise<string[]> {
  const job = await planned(wanted);
  const outcomes = await perform(job, user.options());
  expect(outcomes.map(({ kind }) => kind)).toEqual(job.transactions.map(() => 'committed'));
  return job.transactions.map(({ id }) => id).toReversed();
}

const recover = () => perform({ kind: 'recover', hostname: 'simulated-host', how: 'undo' }, user.options());
const back = (ids: readonly string[]) => perform({ kind: 'rollbacks', ids }, user.options());

/** Removes the journals of finished transactions, since each command reads all journals. */
const forget = (): void => {
  const folder = join(user.stateDir, 'transactions');
  for (const name of readdirSync(folder)) if (!name.startsWith(base)) rmSync(join(folder, name));
};

/** Ids of the committed transactions since then, newest first. */
async function standing(before: ReadonlySet<string>): Promise<string[]> {
  const records = await user.journals();
  return records
    .filter(({ id, progress }) => !before.has(id) && progress.status === 'committed')
    .map(({ id }) => id);
}

/** Checks that each VM is defined as in one of the two pictures, and runs accordingly. */
function expectEitherOr(now: Picture, before: Picture, wanted: Picture, at: string): void {
  for (const [name, definition] of Object.entries(now.definitions)) {
    const of = [before, wanted].filter((each) => meaning(each.definitions[name]) === meaning(definition));
    expect(of.length, `${name} is defined as before or as wanted, after a kill ${at}`).toBeGreaterThan(0);
    const runs = of.map((each) => meaning(each.runs[name]));
    expect(runs, `${name} runs as it is defined, after a kill ${at}`).toContain(meaning(now.runs[name]));
  }
}

/** Without what differs between runs: the mark's transaction and time. */
const meaning = (of: unknown): string =>
  (JSON.stringify(of) ?? '').replaceAll(/\d{8}T\d{6}Z-[0-9a-f]{6}|\d{4}-\d\d-\d\dT[\d:.]+Z/g, 'when');

for (const together of [false, true]) {
  const what = together ? 'one transaction' : 'a transaction for each VM';
  const wanted: Wanted = { picks: PICKS, restart: true, together };

  test(
    `killed between any two records of an apply of several VMs, ${what}: no CPU is shared by mistake, and recover leaves each VM as before or as wanted`,
    async () => {
      const before = host.picture();
      const ids = await apply(wanted);
      const after = host.picture();
      await back(ids);
      expect(host.picture()).toEqual(before);
      let points = 0;
      for (; ; points += EVERY) {
        const known = new Set((await user.journals()).map(({ id }) => id));
        const at = await abandoned.at(user, await planned(wanted), points, false, atRecord);
        expect(await broken(host.uri), `killed ${at}`).toEqual([]);
        for (const outcome of await recover()) expect(outcome).toMatchObject({ kind: 'undone', remains: [] });
        expect(await broken(host.uri), `recovered after a kill ${at}`).toEqual([]);
        expectEitherOr(host.picture(), before, after, at);
        await back(await standing(known));
        expect(host.picture(), at).toEqual(before);
        forget();
        if (at.startsWith('ended')) break;
      }
      expect(points).toBeGreaterThan(10);
    },
    TIMEOUT_MS,
  );

  test(
    `killed between any two records of a rollback of several VMs, ${what}: no CPU is shared by mistake, and recover leaves each VM as before or as it was tuned`,
    async () => {
      const before = host.picture();
      let points = 0;
      for (; ; points += EVERY) {
        const ids = await apply(wanted);
        const after = host.picture();
        const at = await abandoned.at(user, { kind: 'rollbacks', ids }, points, false, atRecord);
        expect(await broken(host.uri), `killed ${at}`).toEqual([]);
        for (const outcome of await recover())
          expect(outcome).toMatchObject({ kind: 'rolled back', remains: [] });
        expect(await broken(host.uri), `recovered after a kill ${at}`).toEqual([]);
        expectEitherOr(host.picture(), before, after, at);
        const open = new Set(await standing(new Set([base])));
        await back(ids.filter((id) => open.has(id)));
        expect(host.picture(), at).toEqual(before);
        forget();
        if (at.startsWith('ended')) break;
      }
      expect(points).toBeGreaterThan(10);
    },
    TIMEOUT_MS,
  );
}

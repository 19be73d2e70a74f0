import fc from 'fast-check';
import { expect, test } from 'vitest';
import { TunerError } from '../../../tuner/errors.ts';
import type { HostLease } from '../../../tuner/lock/held-lease.ts';
import { LeaseHost, LeaseUser } from './lease-world.ts';

/** `.ci/nightly` plays more. */
const RUNS = Number(process.env['VIRTUNE_LEASE_RUNS'] ?? 150);
/** The same schedules in each `npm test`, others each night; or those of a failure, by the printed seed. */
const SEED = process.env['VIRTUNE_SEED'] ?? (RUNS === 150 ? '1' : undefined);
const seeded = SEED === undefined ? {} : { seed: Number(SEED) };
/** Runs of the test that advances minutes in steps of half a second. */
const LONG_RUNS = Math.ceil(RUNS / 20);
const timeout = 60_000 + RUNS * 200;

/** What a user does once it holds the host: checks its lock so often, then releases it or dies. */
const plan = fc.record({
  rounds: fc.integer({ min: 1, max: 2 }),
  looks: fc.integer({ min: 0, max: 5 }),
  dies: fc.boolean(),
});
const plans = fc.array(plan, { minLength: 2, maxLength: 4 });

const isLocked = (error: unknown): boolean => error instanceof TunerError && error.code === 'TUNE_LOCKED';

async function refusedAs<T>(what: Promise<T>): Promise<T | undefined> {
  try {
    return await what;
  } catch (error) {
    if (isLocked(error)) return undefined;
    throw error;
  }
}

test('with any order of calls and answers, and any passage of time, no run continues once another has had the host', {
  timeout,
}, async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.scheduler(),
      plans,
      fc.array(fc.integer({ min: 100, max: 40_000 }), { minLength: 10, maxLength: 40 }),
      async (scheduler, users, ticks) => {
        const host = new LeaseHost(scheduler);
        const work = async (
          user: LeaseUser,
          { rounds, looks, dies }: (typeof users)[number],
        ): Promise<void> => {
          for (let round = 0; round < rounds; round++) {
            const lease = await refusedAs(user.acquire(90_000));
            if (lease === undefined) return;
            await useIt(host, user, lease, looks);
            if (dies) return user.die();
            await lease.release();
          }
        };
        const all = users.map((each, index) => work(new LeaseUser(`user ${index}`, host), each));
        const passing = (async () => {
          for (const ms of ticks) {
            await host.turn(`${ms} ms pass`);
            host.clock.advance(ms);
          }
          // A waiting run still waits for the clock, not for another run.
          for (let left = 400; left > 0; left--) {
            await host.turn('time passes');
            host.clock.advance(1_000);
          }
        })();
        await scheduler.waitFor(Promise.all([...all, passing]));
      },
    ),
    { numRuns: RUNS, ...seeded },
  );
});

/** Checks that each successful check of the lock is true: no other run has held the host since this one got it. */
async function useIt(host: LeaseHost, user: LeaseUser, lease: HostLease, looks: number): Promise<void> {
  const own = host.given.length;
  for (let look = 0; look < looks; look++) {
    await host.turn(`${user.name} works`);
    const others = host.given.length - own;
    const held = await refusedAs(lease.check().then(() => true));
    if (held === undefined) return;
    expect(others, `${user.name} goes on`).toBe(0);
  }
}

test('where calls are quick, a live run keeps the host for as long as it wants, a dead run’s is free after 60 s, and every run gets it', {
  timeout,
}, async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.scheduler(),
      plans,
      fc.array(fc.integer({ min: 1, max: 70_000 }), { minLength: 8 }),
      async (scheduler, users, heldMs) => {
        const host = new LeaseHost(scheduler);
        const { clock } = host;
        let holder: LeaseUser | undefined;
        let diedMs: number | undefined;
        let got = 0;
        const work = async (
          user: LeaseUser,
          { rounds, looks, dies }: (typeof users)[number],
          index: number,
        ): Promise<void> => {
          for (let round = 0; round < rounds; round++) {
            const lease = await user.acquire(10_000_000);
            expect(holder?.name).toBeUndefined();
            if (diedMs !== undefined) expect(clock.nowMs() - diedMs).toBeGreaterThanOrEqual(45_000);
            [holder, diedMs] = [user, undefined];
            got += 1;
            for (let look = 0; look < looks; look++) {
              await clock.sleepMs(heldMs[(index + look) % heldMs.length] ?? 1);
              await lease.check();
            }
            holder = undefined;
            if (dies) {
              diedMs = clock.nowMs();
              return user.die();
            }
            await lease.release();
          }
        };
        let busy = users.length;
        const all = Promise.all(
          users.map((each, index) =>
            work(new LeaseUser(`user ${index}`, host), each, index).finally(() => busy--),
          ),
        );
        const failed = all.catch(() => {
          busy = 0;
        });
        for (let second = 0; busy > 0; second++) {
          await scheduler.waitIdle();
          clock.advance(500);
          if (second > 60_000) throw new Error('no run gets the host any more');
        }
        await failed;
        await all;
        expect(got).toBe(users.reduce((sum, { rounds, dies }) => sum + (dies ? 1 : rounds), 0));
      },
    ),
    { numRuns: LONG_RUNS, ...seeded },
  );
});

/** Calls complete at once, except those that are held back: either the request or the reply. */
class SlowHost extends LeaseHost {
  #held: { readonly turn: string; readonly until: Promise<void> } | undefined;

  constructor() {
    super({ schedule: <T>(task: Promise<T>) => task } as fc.Scheduler);
  }

  /** Holds back the next turn of that name until the returned function is called. */
  holdBack(turn: string): () => void {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#held = { turn, until: promise };
    return resolve;
  }

  override async turn(what: string): Promise<void> {
    const held = this.#held?.turn === what ? this.#held.until : undefined;
    if (held !== undefined) this.#held = undefined;
    await held;
  }

  /** Advances the clock second by second, and completes everything that becomes due. */
  async pass(seconds: number): Promise<void> {
    for (let second = 0; second < seconds; second++) {
      this.clock.advance(1_000);
      await new Promise(setImmediate);
    }
  }
}

test('a renewal that arrives after another run had the host and released it has no effect: the old run stops', async () => {
  const host = new SlowHost();
  const [slow, quick] = ['slow', 'quick'].map((name) => new LeaseUser(name, host)) as [LeaseUser, LeaseUser];
  const lease = await slow.acquire(0);
  const letGo = host.holdBack('slow: secretDefineXml');
  const waiting = quick.acquire(120_000);
  await host.pass(90);
  await (await waiting).release();
  letGo();
  await host.pass(1);
  await expect(lease.check()).rejects.toMatchObject({ code: 'TUNE_LOCKED' });
});

test('a renewal that is in flight when the host is released does not take it again', async () => {
  const host = new SlowHost();
  const slow = new LeaseUser('slow', host);
  const lease = await slow.acquire(0);
  const letGo = host.holdBack('slow: secretDefineXml');
  // The next renewal is due while the first one is in flight.
  await host.pass(40);
  const released = lease.release();
  await host.pass(1);
  letGo();
  await released;
  await (await new LeaseUser('next', host).acquire(0)).release();
});

test('an answer that took a minute does not age a lease by a minute: a live run keeps the host', async () => {
  const host = new SlowHost();
  const [holder, waiter] = ['holder', 'waiter'].map((name) => new LeaseUser(name, host)) as [
    LeaseUser,
    LeaseUser,
  ];
  const lease = await holder.acquire(0);
  const waiting = waiter.acquire(100_000).catch((error: unknown) => error);
  await host.pass(2);
  const letGo = host.holdBack('waiter: answer of secretGetXmlDesc');
  await host.pass(65);
  letGo();
  await host.pass(60);
  expect(await waiting).toMatchObject({ code: 'TUNE_LOCKED' });
  await lease.check();
  await lease.release();
});

test('a lease ages from when its last renewal was sent, not from its answer nor from the next renewal', async () => {
  const host = new SlowHost();
  const [slow, quick] = ['slow', 'quick'].map((name) => new LeaseUser(name, host)) as [LeaseUser, LeaseUser];
  const lease = await slow.acquire(0);
  const answer = host.holdBack('slow: answer of secretDefineXml');
  const waiting = quick.acquire(120_000);
  await host.pass(44);
  answer();
  await host.pass(0);
  const letGo = host.holdBack('slow: secretDefineXml');
  await host.pass(46);
  await (await waiting).release();
  letGo();
  await host.pass(1);
  await expect(lease.check()).rejects.toMatchObject({ code: 'TUNE_LOCKED' });
});

test('a lease ages from when it was asked for, not from when that was answered', async () => {
  const host = new SlowHost();
  const [slow, quick] = ['slow', 'quick'].map((name) => new LeaseUser(name, host)) as [LeaseUser, LeaseUser];
  const answer = host.holdBack('slow: answer of secretDefineXml');
  const acquiring = slow.acquire(0);
  await host.pass(1);
  const waiting = quick.acquire(120_000);
  await host.pass(40);
  answer();
  const lease = await acquiring;
  const letGo = host.holdBack('slow: secretDefineXml');
  await host.pass(45);
  await (await waiting).release();
  letGo();
  await host.pass(1);
  await expect(lease.check()).rejects.toMatchObject({ code: 'TUNE_LOCKED' });
});

test('a run that is undoing takes its lock again once libvirt is back', async () => {
  const host = new SlowHost();
  const lease = await new LeaseUser('undoing', host).acquire(0);
  host.stopLibvirt();
  await lease.regain();
  await host.pass(20);
  host.startLibvirt();
  await host.pass(15);
  await lease.check();
  await expect(new LeaseUser('next', host).acquire(0)).rejects.toMatchObject({ code: 'TUNE_LOCKED' });
  await lease.release();
});

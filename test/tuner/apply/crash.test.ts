import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { applyLocked } from '../../../tuner/apply/apply.ts';
import type { RunOptions } from '../../../tuner/apply/host-session.ts';
import { type RecoverOptions, recoverLocked } from '../../../tuner/apply/recover.ts';
import { rollbackLocked } from '../../../tuner/apply/rollback.ts';
import type { Trace } from '../../../tuner/journal/journal.ts';
import { killStride } from '../kill-stride.ts';
import { FakeLibvirt, HOSTNAME } from './fake-libvirt.ts';
import {
  ALL_POINTS_MS,
  define,
  held,
  options,
  pages,
  picture,
  pin,
  recovery,
  restart,
  shares,
  stateDir,
  takingBack,
  transaction,
  transactions,
  UUIDS,
} from './fixtures.ts';

function twoDomains() {
  const libvirt = new FakeLibvirt();
  const db = libvirt.add('db01', UUIDS[0]);
  const web = libvirt.add('web02', UUIDS[1]);
  const planned = transaction(
    [db, web],
    [
      pages(32),
      pin(db, 0, '2'),
      shares(db, 2048),
      define(db, 2048),
      define(web, 512),
      restart(web),
      pages(8),
    ],
  );
  return { libvirt, db, web, planned, before: picture(libvirt) };
}
type World = ReturnType<typeof twoDomains>;

/** Stride over the points of rollback and recover: they are many, and each one begins with a whole apply. */
const EVERY = killStride(3);

/** The state of the host once everything is done. */
async function doneWorld(): Promise<unknown> {
  const world = twoDomains();
  await applyLocked(await held(), world.planned, options(world.libvirt));
  return picture(world.libvirt);
}

/** Keeps interrupted runs suspended, with their files open, until the test process ends. */
const frozen: (() => void)[] = [];

/**
 * Runs it until its `cutAt`th point and suspends it there for good, which leaves what a `kill -9` leaves. False if it
 * ended before.
 */
async function cutOff(cutAt: number, run: (more: Partial<RunOptions>) => Promise<unknown>): Promise<boolean> {
  let at = 0;
  let cut: (() => void) | undefined;
  const reached = new Promise<boolean>((resolve) => {
    cut = () => resolve(true);
  });
  const trace: Trace = () => {
    if (at++ !== cutAt) return undefined;
    cut?.();
    return new Promise<void>((goOn) => {
      frozen.push(goOn);
    });
  };
  return Promise.race([run({ trace }).then(() => false), reached]);
}

/** Applies and is interrupted at that point; whatever runs afterwards acts as the next process. */
const applyAndCut = (world: World, cutAt: number): Promise<boolean> =>
  cutOff(cutAt, async (more) => applyLocked(await held(), world.planned, options(world.libvirt, more)));

const recover = async (world: World, more: Partial<RecoverOptions> = {}) =>
  recoverLocked(await held(), HOSTNAME, recovery(world.libvirt, more));
const isOpen = async (): Promise<boolean> => (await transactions())[0]?.progress.status === 'open';

test(
  'after an interruption at any point of an apply, recover restores the host exactly',
  async () => {
    for (let cutAt = 0; ; cutAt++) {
      const world = twoDomains();
      if (!(await applyAndCut(world, cutAt))) break;
      const outcomes = await recover(world);
      if (outcomes.length === 0) {
        // Before its journal existed nothing was touched, and after its last line everything was done.
        const committed = (await transactions())[0]?.progress.status === 'committed';
        expect(picture(world.libvirt)).toEqual(committed ? await doneWorld() : world.before);
      } else {
        expect(outcomes).toMatchObject([{ kind: 'undone', remains: [] }]);
        expect(picture(world.libvirt)).toEqual(world.before);
      }
      expect(await isOpen()).toBe(false);
      await forget();
    }
  },
  ALL_POINTS_MS,
);

test(
  'after an interruption at any point of an apply, recover --finish completes the requested change',
  async () => {
    const done = await doneWorld();
    await forget();
    for (let cutAt = 0; ; cutAt++) {
      const world = twoDomains();
      if (!(await applyAndCut(world, cutAt))) break;
      const outcomes = await recover(world, { how: 'finish' });
      const begun = (await transactions()).length > 0;
      if (outcomes.length > 0) expect(outcomes).toMatchObject([{ kind: 'committed' }]);
      expect(picture(world.libvirt)).toEqual(begun ? done : world.before);
      await forget();
    }
  },
  ALL_POINTS_MS,
);

test(
  'after an interruption at any point while a failed apply is undone, recover undoes the rest',
  async () => {
    for (let cutAt = 0; ; cutAt++) {
      const world = twoDomains();
      world.libvirt.refusesToStart = (definition) =>
        definition.includes('<shares>512</shares>') ? 'no such machine' : undefined;
      if (!(await applyAndCut(world, cutAt))) break;
      await recover(world);
      expect(picture(world.libvirt)).toEqual(world.before);
      expect(await isOpen()).toBe(false);
      await forget();
    }
  },
  ALL_POINTS_MS,
);

test(
  'after an interruption at any point of a recover, the next one still restores the host',
  async () => {
    for (let cutAt = 0; ; cutAt += EVERY) {
      const world = twoDomains();
      // The second domain is off and not started again yet: the most incomplete state.
      const offAt = await pointOf('after domainShutdownFlags');
      await applyAndCut(world, offAt);
      expect(world.web.run).toBeUndefined();
      const again = await cutOff(cutAt, async (more) =>
        recoverLocked(await held(), HOSTNAME, recovery(world.libvirt, more)),
      );
      if (!again) break;
      await recover(world);
      expect(picture(world.libvirt)).toEqual(world.before);
      expect(await isOpen()).toBe(false);
      await forget();
    }
  },
  ALL_POINTS_MS,
);

test(
  'after an interruption at any point of a rollback with restarts, recover rolls back the rest',
  async () => {
    for (let cutAt = 0; ; cutAt += EVERY) {
      const world = twoDomains();
      const { id } = await applyLocked(await held(), world.planned, options(world.libvirt));
      const back = { restarts: true };
      const cut = await cutOff(cutAt, async (more) =>
        rollbackLocked(await held(), id, takingBack(world.libvirt, { ...back, ...more })),
      );
      if (!cut) break;
      const begun = (await transactions())[0]?.progress.status !== 'committed';
      await recover(world);
      expect(picture(world.libvirt)).toEqual(begun ? world.before : await doneWorld());
      expect(await isOpen()).toBe(false);
      await forget();
    }
  },
  ALL_POINTS_MS,
);

/** The index of a point in an undisturbed apply. */
async function pointOf(wanted: string): Promise<number> {
  const points: string[] = [];
  const { libvirt, planned } = twoDomains();
  await applyLocked(
    await held(),
    planned,
    options(libvirt, { trace: ({ when, what }) => void points.push(`${when} ${what}`) }),
  );
  await forget();
  return points.indexOf(wanted);
}

test('a call that libvirt was still at work on when its caller was killed is undone after it', async () => {
  const world = twoDomains();
  await applyAndCut(world, await pointOf('before domainPinVcpuFlags'));
  let late = true;
  world.libvirt.onCall = (name) => {
    // Happens just after recover has checked that nothing had changed.
    if (name !== 'domainPinVcpuFlags' || !late || world.db.run === undefined) return;
    late = false;
    world.db.run.pins[0] = '2';
  };
  await recover(world);
  expect(late).toBe(false);
  expect(picture(world.libvirt)).toEqual(world.before);
});

test('recover does not power off a guest that has run since its apply was killed', async () => {
  const world = twoDomains();
  await applyAndCut(world, await pointOf('after domainCreateWithFlags'));
  const started = world.web.run?.id;
  world.web.obeys = false;
  const [outcome] = await recover(world);
  expect(outcome).toMatchObject({
    kind: 'incomplete',
    remains: [{ step: { kind: 'restart' }, message: expect.stringContaining('--force-off') }],
  });
  expect(world.web.run?.id).toBe(started);
  const forced = { shutdownMs: 20, settleMs: 1, forceOff: true };
  expect(await recover(world, { restart: forced })).toMatchObject([{ kind: 'undone' }]);
  expect(picture(world.libvirt)).toEqual(world.before);
});

test('a guest that obeys only after its apply was killed is started again on its old definition', async () => {
  const world = twoDomains();
  world.web.obeys = false;
  await applyAndCut(world, await pointOf('after domainShutdownFlags'));
  const asked = world.web.run?.id;
  expect(asked).toBeDefined();
  const outcomes = await recover(world, {
    restart: { shutdownMs: 5_000, settleMs: 1, forceOff: false },
    onSay: (text) => {
      if (text.includes('may still do so')) world.web.run = undefined;
    },
  });
  expect(outcomes).toMatchObject([{ kind: 'undone', remains: [] }]);
  expect(world.web.run?.id).not.toBe(asked);
  expect(picture(world.libvirt)).toEqual(world.before);
});

async function forget(): Promise<void> {
  await rm(join(stateDir(), 'transactions'), { recursive: true, force: true });
}

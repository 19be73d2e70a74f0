import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { applyLocked, applyTransaction } from '../../../tuner/apply/apply.ts';
import { recoverHost } from '../../../tuner/apply/recover.ts';
import type { TransactionOutcome } from '../../../tuner/apply/transaction.ts';
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
  transaction,
  transactions,
  UUIDS,
} from './fixtures.ts';

function oneDomain() {
  const libvirt = new FakeLibvirt();
  const domain = libvirt.add('db01', UUIDS[0]);
  const steps = [pin(domain, 0, '2'), shares(domain, 2048), define(domain, 2048), pin(domain, 1, '3')];
  const planned = transaction([domain], steps);
  return { libvirt, domain, planned, before: picture(libvirt), defined: domain.definition };
}

type World = ReturnType<typeof oneDomain>;

/** Runs an apply, and does that to the host at each of its points in turn. */
async function atEachPoint(
  disturb: (world: World) => void,
  check: (world: World, outcome: TransactionOutcome) => void | Promise<void>,
): Promise<void> {
  for (let disturbAt = 0, reached = true; reached; disturbAt++) {
    const world = oneDomain();
    let at = 0;
    reached = false;
    const trace = (): void => {
      if (at++ !== disturbAt) return;
      reached = true;
      disturb(world);
    };
    let outcome: TransactionOutcome;
    try {
      outcome = await applyLocked(await held(), world.planned, options(world.libvirt, { trace }));
    } catch (error) {
      // Noticed before anything was touched.
      expect(error).toMatchObject({ code: expect.stringMatching(/TUNE_CHANGED|LIBVIRT_/) });
      expect(world.domain.definition ?? world.defined).toBe(world.defined);
      continue;
    }
    if (reached) await check(world, outcome);
  }
}

test(
  'a guest that is shut down at any point: its live changes ended with it, its definition is as before',
  async () => {
    await atEachPoint(
      ({ domain }) => {
        domain.run = undefined;
      },
      ({ domain, defined }, outcome) => {
        expect(outcome.remains).toEqual([]);
        if (outcome.kind === 'committed') expect(domain.definition).toContain('2048');
        else {
          expect(outcome.kind).toBe('undone');
          expect(domain.definition).toBe(defined);
          expect(domain.run).toBeUndefined();
        }
      },
    );
  },
  ALL_POINTS_MS,
);

test(
  'a guest that others restart at any point ends up as it was defined before',
  async () => {
    await atEachPoint(
      ({ domain, libvirt }) => libvirt.start(domain, false),
      ({ domain, defined }, outcome) => {
        expect(outcome.remains).toEqual([]);
        if (outcome.kind === 'undone') {
          expect(domain.definition).toBe(defined);
          expect(domain.run).toMatchObject({ pins: ['0-7', '0-7'], shares: 1024 });
        }
      },
    );
  },
  ALL_POINTS_MS,
);

test(
  'a guest that is undefined or migrated away at any point leaves nothing to undo, and the outcome says so',
  async () => {
    await atEachPoint(
      ({ libvirt }) => {
        libvirt.domains.length = 0;
      },
      ({ libvirt }, outcome) => {
        expect(outcome.remains).toEqual([]);
        expect(libvirt.domains).toEqual([]);
        if (outcome.kind === 'undone' && outcome.notes.length > 0) {
          expect(outcome.notes.join()).toContain('"db01" is no longer on this host');
        }
      },
    );
  },
  ALL_POINTS_MS,
);

test(
  'a libvirt that goes away at any point and comes back: all is undone',
  async () => {
    await atEachPoint(
      ({ libvirt }) => {
        libvirt.away = true;
        setTimeout(() => {
          libvirt.away = false;
        }, 3);
      },
      ({ libvirt, before, domain }, outcome) => {
        if (outcome.kind === 'committed') expect(domain.run?.pins).toEqual(['2', '3']);
        else {
          expect(outcome.kind).toBe('undone');
          expect(picture(libvirt)).toEqual(before);
        }
      },
    );
  },
  ALL_POINTS_MS,
);

test(
  'a libvirt that stays away leaves a transaction open, and recover undoes it once it is back',
  async () => {
    await atEachPoint(
      ({ libvirt }) => {
        libvirt.away = true;
      },
      async ({ libvirt, before, domain }, outcome) => {
        libvirt.away = false;
        if (outcome.kind === 'committed') expect(domain.run?.pins).toEqual(['2', '3']);
        else if (outcome.kind === 'incomplete') {
          expect(outcome.remains[0]?.message).toBe('there is no libvirt');
          const records = await transactions();
          expect(records.find(({ id }) => id === outcome.id)?.progress.status).toBe('open');
          await expect(applyTransaction(oneDomain().planned, options(libvirt))).rejects.toMatchObject({
            code: 'TUNE_INTERRUPTED',
          });
          expect(await recoverHost(HOSTNAME, recovery(libvirt))).toMatchObject([{ kind: 'undone' }]);
          expect(picture(libvirt)).toEqual(before);
        } else expect(picture(libvirt)).toEqual(before);
      },
    );
  },
  ALL_POINTS_MS,
);

test('what another user defined after an interruption is not overwritten, unless that is asked for', async () => {
  const { libvirt, domain, planned, defined } = oneDomain();
  libvirt.onCall = (name) => {
    // Applied as far as the definition, and then nothing answers any more.
    if (name === 'domainGetXmlDesc' && domain.definition !== defined) libvirt.away = true;
  };
  expect((await applyTransaction(planned, options(libvirt))).kind).toBe('incomplete');
  libvirt.away = false;
  libvirt.onCall = () => undefined;
  const theirs = domain.definition?.replace("cpuset='2'", "cpuset='5'");
  domain.definition = theirs;
  const [outcome] = await recoverHost(HOSTNAME, recovery(libvirt));
  expect(outcome?.kind).toBe('incomplete');
  expect(outcome?.remains).toHaveLength(1);
  expect(outcome?.remains[0]?.message).toMatch(/something else has changed it since.*vcpupin of 0 is 5/);
  expect(domain.definition).toBe(theirs);
  // All else is as it was already.
  expect(domain.run).toMatchObject({ pins: ['0-7', '0-7'], shares: 1024 });
  expect(await recoverHost(HOSTNAME, recovery(libvirt, { force: true }))).toMatchObject([{ kind: 'undone' }]);
  expect(domain.definition).toBe(defined);
});

test('after a reboot of the host none of its settings needs an undo', async () => {
  const { libvirt } = oneDomain();
  const procRoot = join(stateDir(), 'proc');
  const boot = (id: string): void => writeFileSync(`${procRoot}/sys/kernel/random/boot_id`, `${id}\n`);
  mkdirSync(`${procRoot}/sys/kernel/random`, { recursive: true });
  boot('first');
  const local = () => ({ procRoot, sysRoot: '/nowhere', cgroupRoot: '/nowhere' });
  libvirt.onCall = (name) => {
    if (name === 'nodeAllocPages') libvirt.away = true;
  };
  await applyTransaction(transaction([], [pages(32)]), options(libvirt, { local }));
  libvirt.away = false;
  libvirt.pages = 0;
  boot('second');
  const [outcome] = await recoverHost(HOSTNAME, recovery(libvirt, { local }));
  expect(outcome).toMatchObject({ kind: 'undone', notes: [expect.stringContaining('rebooted since')] });
  expect(libvirt.pages).toBe(0);
});

test('a refused restart says what to do', async () => {
  const cases: [RegExp, (world: World) => void][] = [
    [
      /did not shut down within 0.02 s.*--force-off/,
      ({ domain }) => {
        domain.obeys = false;
      },
    ],
    [
      /is paused and cannot shut down/,
      ({ domain }) => {
        if (domain.run !== undefined) domain.run.paused = true;
      },
    ],
  ];
  for (const [message, spoil] of cases) {
    const world = oneDomain();
    spoil(world);
    const was = world.domain.run?.id;
    const planned = transaction([world.domain], [define(world.domain, 2048), restart(world.domain)]);
    const outcome = await applyTransaction(planned, options(world.libvirt));
    expect(outcome).toMatchObject({ kind: 'undone', failure: { code: 'TUNE_RESTART' } });
    expect(outcome.failure?.message).toMatch(message);
    expect(world.domain.definition).toBe(world.defined);
    expect(world.domain.run?.id).toBe(was);
  }
});

test('a transient guest is not restarted: it would be gone', async () => {
  const { libvirt, domain } = oneDomain();
  domain.definition = undefined;
  const outcome = await applyTransaction(transaction([domain], [restart(domain)]), options(libvirt));
  expect(outcome.failure?.message).toContain('is transient');
  expect(domain.run).toBeDefined();
});

test('with --force-off an unresponsive guest is switched off, and a paused one comes back paused', async () => {
  const { libvirt, domain } = oneDomain();
  domain.obeys = false;
  const restarting = { shutdownMs: 10, settleMs: 1, forceOff: true };
  const planned = transaction([domain], [define(domain, 2048), restart(domain)]);
  expect((await applyTransaction(planned, options(libvirt, { restart: restarting }))).kind).toBe('committed');
  expect(domain.run).toMatchObject({ shares: 2048, paused: false });
  if (domain.run !== undefined) domain.run.paused = true;
  const again = transaction([domain], [restart(domain)]);
  expect((await applyTransaction(again, options(libvirt, { restart: restarting }))).kind).toBe('committed');
  expect(domain.run?.paused).toBe(true);
});

test('a guest that does not start on its new definition runs again on its old one, and the error says why', async () => {
  const { libvirt, domain, before } = oneDomain();
  libvirt.refusesToStart = (xml) => (xml.includes('2048</shares>') ? 'unsupported machine type' : undefined);
  const planned = transaction([domain], [define(domain, 2048), restart(domain)]);
  const outcome = await applyTransaction(planned, options(libvirt));
  expect(outcome).toMatchObject({ kind: 'undone', failure: { code: 'TUNE_RESTART' } });
  expect(outcome.failure?.message).toMatch(/does not start: .*unsupported machine type/);
  expect(picture(libvirt)).toEqual(before);
  expect(domain.run).toBeDefined();
});

test('a guest that starts and then crashes is restored too', async () => {
  const { libvirt, domain, before } = oneDomain();
  const settling = { shutdownMs: 20, settleMs: 30, forceOff: false };
  let watched = 0;
  libvirt.onCall = (name) => {
    if (name === 'domainGetState' && domain.run?.xml.includes('2048</shares>') && ++watched === 2) {
      domain.run = undefined;
    }
  };
  const planned = transaction([domain], [define(domain, 2048), restart(domain)]);
  const outcome = await applyTransaction(planned, options(libvirt, { restart: settling }));
  expect(outcome.failure?.message).toContain('of its start; see its log');
  expect(outcome.kind).toBe('undone');
  expect(picture(libvirt)).toEqual(before);
});

test('a guest that restarts without its new definition is an error', async () => {
  const { libvirt, domain } = oneDomain();
  const steps = [define(domain, 2048), restart(domain)];
  libvirt.runsAs = (xml) => xml.replace('2048</shares>', '1024</shares>');
  const outcome = await applyTransaction(transaction([domain], steps), options(libvirt));
  expect(outcome.failure?.message).toContain('shares is 1024, not 2048');
  expect(outcome.kind).toBe('undone');
});

test('a guest that runs, but not as defined, is not powered off by the undo', async () => {
  const { libvirt, domain, defined } = oneDomain();
  const steps = [define(domain, 2048), restart(domain)];
  libvirt.runsAs = (xml) => xml.replace('2048</shares>', '1024</shares>');
  libvirt.onCall = (name) => {
    if (name === 'domainCreateWithFlags') domain.obeys = false;
  };
  const outcome = await applyTransaction(transaction([domain], steps), options(libvirt));
  expect(outcome).toMatchObject({
    kind: 'incomplete',
    remains: [{ step: { kind: 'restart' }, message: expect.stringContaining('--force-off') }],
  });
  expect(libvirt.calls).not.toContain('domainDestroyFlags');
  expect(domain.definition).toBe(defined);
});

test('a guest that comes up paused, as one whose disk fails, is powered off and runs as before', async () => {
  const { libvirt, domain, before } = oneDomain();
  libvirt.onCall = () => {
    if (domain.run?.xml.includes('2048</shares>')) domain.run.paused = true;
  };
  const steps = [define(domain, 2048), restart(domain)];
  const outcome = await applyTransaction(transaction([domain], steps), options(libvirt));
  expect(outcome).toMatchObject({ kind: 'undone', failure: { code: 'TUNE_READ_BACK' } });
  expect(libvirt.calls).toContain('domainDestroyFlags');
  expect(picture(libvirt)).toEqual(before);
});

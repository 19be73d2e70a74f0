import { expect, test } from 'vitest';
import { connect } from '../../../libvirt/client/connect.ts';
import { Impact } from '../../../libvirt/constants.ts';
import { CpuSet } from '../../../model/cpu-set.ts';
import { refuseIfOpen } from '../../../tuner/apply/apply.ts';
import { basisOf } from '../../../tuner/apply/plan-basis.ts';
import { rollbackTransaction } from '../../../tuner/apply/rollback.ts';
import { transactionDomain } from '../../../tuner/apply/split-plan.ts';
import type { Transaction } from '../../../tuner/apply/transaction.ts';
import type { TunerConnection } from '../../../tuner/connection.ts';
import { openStateFolder } from '../../../tuner/journal/folder.ts';
import { newTransactionId } from '../../../tuner/journal/journal.ts';
import { lastCommitted } from '../../../tuner/journal/list.ts';
import type { Step } from '../../../tuner/steps/step.ts';
import { broken } from './checks.ts';
import { type Figures, History } from './history.ts';
import { HostOfTwo, shape, wanted } from './host-of-two.ts';
import { type Job, perform } from './job.ts';
import type { HistoryStep } from './step.ts';
import { readAll, type Wanted } from './user.ts';

/** Rollbacks and recoveries out of order, which would leave a host unsafe: found by histories. */
const on = new HostOfTwo(
  shape({ hugepages: { 2048: 8_192, 1048576: 4 } }, [{ vcpus: 1, byHand: 'pinned' }, { vcpus: 3 }, {}]),
);

/** Where the vCPUs of a domain run now, and after the next boot. */
async function pinsOf(name: string): Promise<{ live: string; next: string }> {
  const { domains } = await readAll(on.host.uri);
  const state = domains.find(({ domain }) => domain.name === name);
  const [live, next] = [state?.live, state?.inactive].map((view) =>
    [...(view?.facts.cpu.vcpuPins.values() ?? [])].join(' '),
  );
  return { live: live ?? '', next: next ?? '' };
}

/** Moves `a`, which a user has pinned to CPU 2 by hand, to CPU 7. */
async function moveAway(): Promise<Job & { kind: 'apply' }> {
  const { host, domains } = await readAll(on.host.uri);
  const state = domains.find(({ domain }) => domain.name === 'a');
  if (state === undefined) throw new Error('there is no a');
  const { uuid, name } = state.domain;
  const steps: Step[] = [
    { kind: 'vcpuPin', domain: { uuid, name }, vcpu: 0, to: '7' },
    {
      kind: 'definition',
      domain: { uuid, name },
      to: state.inactive?.xml.replace("cpuset='2'", "cpuset='7'") ?? '',
    },
  ];
  const transaction: Transaction = {
    id: newTransactionId(new Date()),
    uri: host.uri,
    hostname: host.hostname,
    command: 'virtune tune apply',
    domains: [transactionDomain(state, undefined)],
    steps,
    notes: [],
    basis: basisOf(host, domains),
  };
  return { kind: 'apply', transactions: [transaction] };
}

/** The same, and then another user's VM gets the CPU. Ids of both. */
async function moveAwayAndGive(): Promise<{ away: string; theirs: string }> {
  const [moved] = await perform(await moveAway(), on.user(0).options());
  expect(moved?.kind).toBe('committed');
  return { away: moved?.id ?? '', theirs: await give() };
}

/** Pins its vCPU 0, as virsh vcpupin does. */
async function pinByHand(
  name: string,
  cpu: number,
  flags: number = Impact.live | Impact.config,
): Promise<void> {
  const connection = await connect(on.host.uri, { readOnly: false });
  try {
    const { domain } = await connection.call('domainLookupByName', { name });
    const map = CpuSet.of([cpu]).toBitmap(1);
    await connection.call('domainPinVcpuFlags', { domain, vcpu: 0, map, flags });
  } finally {
    await connection.close();
  }
}

async function give(): Promise<string> {
  const [theirs = ''] = await on.apply(on.user(1), wanted({ b: 'low-latency' }, { restart: true }));
  expect((await pinsOf('b')).live).toMatch(/\b2\b/);
  return theirs;
}

test('a rollback without a restart leaves a VM on its dedicated CPUs until it boots, and says so', async () => {
  const before = on.host.picture();
  const [id] = await on.apply(on.user(0), wanted({ c: 'network' }));
  await on.host.reboot('c');
  const { live } = await pinsOf('c');
  const [outcome] = await on.rollback(on.user(0), id);
  expect(outcome).toMatchObject({
    kind: 'rolled back',
    remains: [],
    notes: [
      expect.stringMatching(
        /domain "c" keeps these settings until it is shut down and started again: .*vcpupin of 0/,
      ),
    ],
  });
  expect(await broken(on.host.uri)).toEqual([]);
  expect(await pinsOf('c')).toEqual({ live, next: '' });
  await on.host.reboot('c');
  expect(on.host.picture()).toEqual(before);
});

test('killed in it, recover leaves that VM on its CPUs as well', async () => {
  const before = on.host.picture();
  const [id = ''] = await on.apply(on.user(0), wanted({ c: 'network' }));
  await on.host.reboot('c');
  const job = { kind: 'rollback', id, restarts: false } as const;
  const isRecord = ({ what }: { what: string }): boolean => what.startsWith('journal');
  expect(await on.abandoned.at(on.user(0), job, 3, false, isRecord)).toMatch(/journal/);
  expect(await broken(on.host.uri)).toEqual([]);
  expect(await on.recover(on.user(0))).toMatchObject({ kind: 'rolled back', remains: [] });
  expect(await broken(on.host.uri)).toEqual([]);
  await on.host.reboot('c');
  expect(on.host.picture()).toEqual(before);
});

test('a rollback is refused that would put a VM on CPUs that another one was given since, and says whose and what to do', async () => {
  const start = on.host.picture();
  const { away, theirs } = await moveAwayAndGive();
  const before = on.host.picture();
  for (const restarts of [false, true])
    await expect(on.rollback(on.user(0), away, restarts)).rejects.toMatchObject({
      code: 'TUNE_CHANGED',
      message: expect.stringMatching(
        new RegExp(
          `cannot be rolled back now, and nothing was changed: .*SHARES_CPU.*transaction ${theirs} has since tuned "b" \\(profile low-latency.*virtune tune rollback ${theirs}\\).*--force`,
        ),
      ),
    });
  expect(on.host.picture()).toEqual(before);
  await on.rollback(on.user(1), theirs, true);
  await on.rollback(on.user(0), away, true);
  expect(on.host.picture()).toEqual(start);
});

/** Its id in libvirt, which changes with each start. */
async function runOf(name: string): Promise<number | undefined> {
  const { domains } = await readAll(on.host.uri);
  return domains.find(({ domain }) => domain.name === name)?.domain.id;
}

test('recover of a rollback that was killed does not restart a VM that it leaves where it is', async () => {
  const [moved] = await perform(await moveAway(), on.user(0).options());
  const job = { kind: 'rollback', id: moved?.id ?? '', restarts: true } as const;
  expect(await on.abandoned.at(on.user(0), job, 'after journal rollback', false)).toBe(
    'after journal rollback',
  );
  await give();
  const [before, run] = [on.host.picture(), await runOf('a')];
  expect(await on.recover(on.user(0))).toMatchObject({ kind: 'incomplete' });
  expect(await runOf('a')).toBe(run);
  expect(on.host.picture()).toEqual(before);
});

test('a rollback that was killed is named as open, and only what can be done with it is offered', async () => {
  const [moved] = await perform(await moveAway(), on.user(0).options());
  const job = { kind: 'rollback', id: moved?.id ?? '', restarts: false } as const;
  await on.abandoned.at(on.user(0), job, 'after journal rollback', false);
  const folder = await openStateFolder(on.user(0).stateDir);
  const open = (message: RegExp) => ({
    code: 'TUNE_INTERRUPTED',
    message: expect.stringMatching(message),
  });
  // Without the lock it is unknown whether it runs.
  await expect(lastCommitted(folder, on.host.uri)).rejects.toMatchObject(
    open(
      /is still open: wait if it is running \(virtune tune history shows when it ends\), else undo it with virtune tune recover$/,
    ),
  );
  await expect(refuseIfOpen(folder, 'simulated-host')).rejects.toMatchObject(
    open(/the rest.* with virtune tune recover$/),
  );
});

test('recover undoes nothing while another VM of the host cannot be read: whether it is safe is not known', async () => {
  const { away } = await moveAwayAndGive();
  const job = { kind: 'rollback', id: away, restarts: true } as const;
  const [theirs] = (await on.user(1).journals()).map(({ id }) => id);
  await on.rollback(on.user(1), theirs, true);
  await on.abandoned.at(on.user(0), job, 'after journal rollback', false);
  const before = on.host.picture();
  const options = on.user(0).options();
  const recover: Job = { kind: 'recover', hostname: 'simulated-host', how: 'undo' };
  const [outcome] = await perform(recover, {
    ...options,
    open: async (uri) => unreadable(await options.open(uri), 'c'),
  });
  expect(outcome?.kind).toBe('incomplete');
  for (const { message } of outcome?.remains ?? [])
    expect(message).toMatch(/other domains of the host cannot be read, .*XML of domain "c".*recover again/);
  expect(on.host.picture()).toEqual(before);
  expect(await on.recover(on.user(0))).toMatchObject({ kind: 'rolled back', remains: [] });
});

/** A connection that returns damaged XML for that domain. */
function unreadable(connection: TunerConnection, name: string): TunerConnection {
  return new Proxy(connection, {
    get(target, key) {
      const value: unknown = Reflect.get(target, key, target);
      if (key !== 'call' || typeof value !== 'function') {
        return typeof value === 'function' ? value.bind(target) : value;
      }
      return async (call: string, args: { readonly domain?: { readonly name: string } }, more: unknown) => {
        const answer: unknown = await value.call(target, call, args, more);
        return call === 'domainGetXmlDesc' && args.domain?.name === name ? { xml: '<domain' } : answer;
      };
    },
  });
}

/** `a` is back on the CPU of its manual pin, which `b` had in between. Id of what moved `b` away. */
async function backOnThePinByHand(): Promise<string> {
  const { away } = await moveAwayAndGive();
  const [taken = ''] = await on.apply(on.user(1), wanted({ b: 'balanced' }, { restart: true }));
  expect((await pinsOf('b')).live).not.toMatch(/\b2\b/);
  await on.rollback(on.user(0), away, true);
  expect(await pinsOf('a')).toEqual({ live: '2', next: '2' });
  return taken;
}

test('a rollback onto a CPU that a VM was pinned to by hand is refused, names that VM and its pin, and works once it is moved', async () => {
  const id = await backOnThePinByHand();
  const before = on.host.picture();
  for (const restarts of [false, true]) {
    const refused = await on.rollback(on.user(1), id, restarts).catch((error: Error) => error.message);
    expect(refused).toMatch(
      new RegExp(
        `transaction ${id} cannot be rolled back now.*; "a" has vCPU 0 on CPUs 2, not set by a later virtune transaction: move or unpin it first \\(virsh vcpupin.*--force`,
      ),
    );
    expect(refused).not.toMatch(/--restart/);
  }
  expect(on.host.picture()).toEqual(before);
  await pinByHand('a', 7);
  await on.rollback(on.user(1), id, true);
  expect((await pinsOf('b')).live).toMatch(/\b2\b/);
  expect(await broken(on.host.uri)).toEqual([]);
});

test('a history over a pin by hand goes back with --force where the rollback is refused, and ends as it began', async () => {
  const figures: Figures = {};
  const apply = (user: number, what: Wanted): HistoryStep => ({ kind: 'apply', user, wanted: what });
  await new History(on.host, on.host.users, figures).play([
    // Moves it off the CPU of its pin, which `b` then gets.
    apply(0, wanted({ a: 'oltp-database' }, { restart: true, hostCpus: '0-2' })),
    apply(1, wanted({ b: 'low-latency' }, { restart: true, hostCpus: '0,7' })),
    apply(1, wanted({ b: 'dense' }, { restart: true })),
    { kind: 'rollback', which: 2, restarts: true },
  ]);
  expect(figures).toMatchObject({ 'rollbacks of an older one': 1, 'forced over a pin by hand': 1 });
});

test('one that is pinned there only as it runs, and not as it is defined, has to be booted first', async () => {
  const id = await backOnThePinByHand();
  await pinByHand('a', 7, Impact.config);
  await expect(on.rollback(on.user(1), id, true)).rejects.toMatchObject({
    message: expect.stringMatching(/"a" keeps its boot-time settings until its next boot: restart it first/),
  });
  await on.host.reboot('a');
  await on.rollback(on.user(1), id, true);
  expect(await broken(on.host.uri)).toEqual([]);
});

test('--force rolls it back anyway', async () => {
  const { away } = await moveAwayAndGive();
  const forced = { ...on.user(0).options(), restarts: true, force: true };
  expect(await rollbackTransaction(away, forced)).toMatchObject({ kind: 'rolled back', remains: [] });
  expect(await broken(on.host.uri)).not.toEqual([]);
});

test('recover leaves a VM as it is whose CPUs another one was given since the kill, until that is rolled back', async () => {
  const before = on.host.picture();
  const beforeCommit = ({ when, what }: { when: string; what: string }): boolean =>
    when === 'before' && what === 'journal committed';
  const at = await on.abandoned.at(on.user(0), await moveAway(), 0, false, beforeCommit);
  expect(at).toBe('before journal committed');
  const theirs = await give();
  const during = on.host.picture();
  const outcome = await on.recover(on.user(0));
  expect(outcome?.kind).toBe('incomplete');
  expect(outcome?.remains.map(({ message }) => message).join()).toMatch(/transaction .* has since tuned "b"/);
  expect(on.host.picture()).toEqual(during);
  await on.rollback(on.user(1), theirs, true);
  expect(await on.recover(on.user(0))).toMatchObject({ kind: 'undone', remains: [] });
  expect(on.host.picture()).toEqual(before);
});

test('recover --finish does not touch a VM that another user has tuned since the kill', async () => {
  const { transactions } = await on.user(0).plan(wanted({ a: 'network' }));
  const first = ({ when, what }: { when: string; what: string }): boolean =>
    when === 'after' && what === 'journal header';
  await on.abandoned.at(on.user(0), { kind: 'apply', transactions }, 0, false, first);
  await on.apply(on.user(1), wanted({ a: 'low-latency' }));
  const before = on.host.picture();
  const outcome = await on.recover(on.user(0), 'finish');
  expect(outcome).toMatchObject({ kind: 'undone', failure: { code: 'TUNE_CHANGED' } });
  expect(outcome?.failure?.message).toMatch(
    /it can no longer be finished: transaction .* has since tuned domain "a"/,
  );
  expect(on.host.picture()).toEqual(before);
});

import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { ConnectError } from '../../../libvirt/errors.ts';
import { applyTransaction } from '../../../tuner/apply/apply.ts';
import { leftForBoot, lookAhead } from '../../../tuner/apply/look-ahead.ts';
import { boundToNextBoot } from '../../../tuner/apply/next-boot.ts';
import { recoverHost } from '../../../tuner/apply/recover.ts';
import { rollbackTransaction, runRollback } from '../../../tuner/apply/rollback.ts';
import type { NewEvent } from '../../../tuner/journal/records.ts';
import type { Step } from '../../../tuner/steps/step.ts';
import { type FakeDomain, FakeLibvirt, HOSTNAME } from './fake-libvirt.ts';
import {
  DEDICATED_HINT,
  define,
  options,
  PINS_ON_2_3,
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
  withXml,
} from './fixtures.ts';
import { doing, done, workOn } from './work.ts';

function two() {
  const libvirt = new FakeLibvirt();
  const [db, web] = [libvirt.add('db01', UUIDS[0]), libvirt.add('web02', UUIDS[1])];
  return { libvirt, db, web, before: picture(libvirt) };
}
const forget = async (): Promise<void> =>
  rm(join(stateDir(), 'transactions'), { recursive: true, force: true });
const pinsOf = ({ run }: FakeDomain): string | undefined => run?.pins[0];
const setTo = ({ run }: FakeDomain, cpus: string): void => void run?.pins.splice(0, 1, cpus);
const lastEvents = async (): Promise<readonly NewEvent[]> => (await transactions())[0]?.events ?? [];

/** The same with this many huge pages of 2 MiB. */
const withPages = ({ uuid, name, definition }: FakeDomain, count: number): Step => ({
  kind: 'definition',
  domain: { uuid, name },
  to: (definition ?? '')
    .replace('>1048576<', `>${2_048 * count}<`)
    .replace(
      '<devices>',
      "<memoryBacking><hugepages><page size='2048' unit='KiB'/></hugepages></memoryBacking><numatune><memory mode='strict' nodeset='0'/></numatune><devices>",
    ),
});

test('a rollback with restarts restarts the VMs that run and whose definition it changes, and no other', async () => {
  const { libvirt, db, web } = two();
  const off = libvirt.add('off03', UUIDS[0].replace('1111', '3333'));
  off.run = undefined;
  const same = libvirt.add('same04', UUIDS[0].replace('1111', '4444'));
  const before = picture(libvirt);
  const steps = [
    define(db, 2048),
    define(off, 2048),
    { kind: 'definition', domain: { uuid: same.uuid, name: same.name }, to: same.definition } as Step,
    pin(web, 0, '2'),
  ];
  const { id } = await applyTransaction(transaction([db, web, off, same], steps), options(libvirt));
  const runs = [web.run?.id, same.run?.id];
  const outcome = await rollbackTransaction(id, takingBack(libvirt, { restarts: true }));
  expect(outcome).toEqual({ id, kind: 'rolled back', failure: undefined, remains: [], notes: [] });
  expect(await lastEvents()).toContainEqual(
    expect.objectContaining({
      event: 'rollback',
      pid: process.pid,
      command: 'virtune tune rollback',
      restarts: [{ kind: 'restart', domain: { uuid: db.uuid, name: 'db01' }, to: 'restarted' }],
    }),
  );
  expect([web.run?.id, same.run?.id]).toEqual(runs);
  expect(off.run).toBeUndefined();
  expect(picture(libvirt)).toEqual(before);
});

test('a rollback does not undo a restart of the transaction', async () => {
  const { libvirt, db } = two();
  const { id } = await applyTransaction(transaction([db], [define(db, 2048), restart(db)]), options(libvirt));
  const run = db.run?.id;
  await rollbackTransaction(id, takingBack(libvirt, { force: true }));
  expect(db.run?.id).toBe(run);
  expect(await lastEvents()).toContainEqual(expect.objectContaining({ event: 'undone', step: 1 }));
});

test('a rollback that would put a VM on dedicated CPUs of another one is refused, except with --force', async () => {
  const { libvirt, db, web } = two();
  web.definition = withXml(web.definition, PINS_ON_2_3 + DEDICATED_HINT);
  libvirt.start(web, false);
  const placed = (cpu: number): string =>
    withXml(db.definition, `<cputune><vcpupin vcpu='0' cpuset='${cpu}'/></cputune>`);
  const [old, wanted] = [placed(2), placed(5)];
  db.definition = old;
  const step: Step = { kind: 'definition', domain: { uuid: db.uuid, name: db.name }, to: wanted };
  const { id } = await applyTransaction(transaction([db], [step]), options(libvirt));
  libvirt.listed();
  await expect(rollbackTransaction(id, takingBack(libvirt))).rejects.toMatchObject({
    code: 'TUNE_CHANGED',
    message: expect.stringMatching(
      new RegExp(
        `^transaction ${id} cannot be rolled back now, and nothing was changed: "web02" would violate`,
      ),
    ),
  });
  expect(db.definition).toBe(wanted);
  expect((await transactions())[0]?.progress.status).toBe('committed');
  await rollbackTransaction(id, takingBack(libvirt, { force: true }));
  expect(db.definition).toBe(old);
});

test('a rollback leaves the places of a VM that only they make safe until it boots', async () => {
  const { libvirt, db } = two();
  const tuned = withXml(db.definition, PINS_ON_2_3 + DEDICATED_HINT);
  const steps: Step[] = [
    pin(db, 0, '2'),
    pin(db, 1, '3'),
    { kind: 'definition', domain: { uuid: db.uuid, name: db.name }, to: tuned },
  ];
  const { id } = await applyTransaction(transaction([db], steps), options(libvirt));
  // Its owner boots it.
  libvirt.start(db, false);
  const start = db.run?.id ?? 0;
  if (db.run !== undefined) Object.assign(db.run, { id: 1 });
  libvirt.listed();
  const outcome = await rollbackTransaction(id, takingBack(libvirt));
  expect(outcome).toMatchObject({ kind: 'rolled back', remains: [] });
  expect(start).toBeGreaterThan(1);
  expect(db.run?.pins).toEqual(['2', '3']);
  expect(db.definition).not.toContain('hint-dedicated');
  expect(await lastEvents()).toContainEqual(
    expect.objectContaining({
      event: 'undone',
      step: 0,
      note: 'it stays unchanged until the next boot of "db01"',
    }),
  );
});

test('a pool that the VMs of the transaction use shrinks with a restart of them, and not without', async () => {
  const { libvirt, db } = two();
  const steps = [pages(32), withPages(db, 30), restart(db)];
  const { id } = await applyTransaction(transaction([db], steps), options(libvirt));
  libvirt.listed(30);
  await expect(rollbackTransaction(id, takingBack(libvirt))).rejects.toMatchObject({
    code: 'TUNE_CHANGED',
    message: expect.stringMatching(
      /cell 0 cannot return to 16 pages of 2048 KiB: 30 of them are in use until the next boot of "db01"/,
    ),
  });
  const outcome = await rollbackTransaction(id, takingBack(libvirt, { restarts: true }));
  expect(outcome).toMatchObject({ kind: 'rolled back', remains: [] });
  expect(libvirt.pages).toBe(16);
});

test('a definition that was as wanted is not one that goes back, and its VM keeps its pages', async () => {
  const { libvirt, db } = two();
  db.definition = String(withPages(db, 10).to);
  libvirt.start(db, false);
  const steps = [pages(32), { ...withPages(db, 10), to: db.definition } as Step];
  const { id } = await applyTransaction(transaction([db], steps), options(libvirt));
  libvirt.listed(20);
  await expect(rollbackTransaction(id, takingBack(libvirt, { restarts: true }))).rejects.toMatchObject({
    message: expect.stringContaining('other VMs use 20 of them now'),
  });
});

test('a rollback does not fail on settings that others have restored already, or on VMs that left', async () => {
  const { libvirt, db, web } = two();
  const steps = [pin(db, 0, '2'), pin(db, 1, '3'), shares(web, 2048)];
  const { id } = await applyTransaction(transaction([db, web], steps), options(libvirt));
  setTo(db, '0-7');
  libvirt.domains.splice(1, 1);
  const outcome = await rollbackTransaction(id, takingBack(libvirt));
  expect(outcome).toMatchObject({
    kind: 'rolled back',
    notes: [expect.stringContaining('"web02" is no longer on this host')],
  });
  expect(db.run?.pins).toEqual(['0-7', '0-7']);
});

test('every setting that others have changed is named, and each of the transaction’s by its last step', async () => {
  const { libvirt, db, web } = two();
  const steps = [pin(db, 0, '2'), pin(db, 0, '3'), pin(db, 1, '4'), shares(web, 2048), pages(32)];
  const { id } = await applyTransaction(transaction([db, web], steps), options(libvirt));
  db.run?.pins.splice(0, 2, '6', '7');
  libvirt.pages = 20;
  await expect(rollbackTransaction(id, takingBack(libvirt))).rejects.toMatchObject({
    code: 'TUNE_CHANGED',
    message: `since transaction ${id} something else has changed its settings: host: 32 pages of 2048 KiB on cell 0: it is 20, not 32; "db01": vCPU 0 to CPUs 3: it is on CPUs 6, not 3; "db01": vCPU 1 to CPUs 4: it is on CPUs 7, not 4; roll back the later transaction first, or use --force to roll back this one anyway`,
  });
});

test('steps on different parameters of one VM are separate settings', async () => {
  const { libvirt, db } = two();
  const values: Record<string, number> = { cpu_shares: 1024, vcpu_period: 100_000 };
  libvirt.answers = {
    domainGetSchedulerParametersFlags: () => ({
      params: Object.entries(values).map(([field, value]) => ({ field, type: 4, value: BigInt(value) })),
    }),
    domainSetSchedulerParametersFlags: ({ params }) => {
      for (const { field, value } of params) values[field] = Number(value);
    },
  } as typeof libvirt.answers;
  const period: Step = {
    kind: 'scheduler',
    domain: { uuid: db.uuid, name: db.name },
    to: [{ field: 'vcpu_period', type: 4, value: '50000' }],
  };
  const { id } = await applyTransaction(transaction([db], [shares(db, 2048), period]), options(libvirt));
  expect(values).toEqual({ cpu_shares: 2048, vcpu_period: 50_000 });
  values['cpu_shares'] = 5;
  await expect(rollbackTransaction(id, takingBack(libvirt))).rejects.toMatchObject({
    message: expect.stringContaining('cpu_shares is 5, not 2048'),
  });
});

test('a failure that is not libvirt’s answer ends the look before a rollback', async () => {
  const { libvirt, db } = two();
  const { id } = await applyTransaction(transaction([db], [pin(db, 0, '2')]), options(libvirt));
  libvirt.onCall = (name) => {
    if (name === 'domainGetVcpuPinInfo') throw new RangeError('a fault');
  };
  await expect(rollbackTransaction(id, takingBack(libvirt))).rejects.toThrow(RangeError);
});

test('a rollback is refused while another transaction is open', async () => {
  const { libvirt, db } = two();
  const { id } = await applyTransaction(transaction([db], [pin(db, 0, '2')]), options(libvirt));
  const open = await workOn(libvirt, [db], [pin(db, 1, '3')]);
  await expect(rollbackTransaction(id, takingBack(libvirt))).rejects.toMatchObject({
    code: 'TUNE_INTERRUPTED',
    message: `transaction ${open.journal.header.id} ("virtune tune apply db01") was interrupted or could not be undone completely; undo the rest with virtune tune recover, or finish it with virtune tune recover --finish`,
  });
  await open.journal.append({ event: 'failed', code: 'X', message: 'y' });
  await expect(rollbackTransaction(id, takingBack(libvirt))).rejects.toMatchObject({
    message: expect.stringMatching(/virtune tune recover$/),
  });
});

/** Interrupted during a rollback, or before the commit. */
const interrupted = (rollback: boolean): NewEvent[] =>
  rollback ? [{ event: 'committed' }, { event: 'rollback', pid: 1, command: '', restarts: [] }] : [];

test('an interrupted rollback is resumed as one: changes by others are checked, restarts are skipped', async () => {
  const { libvirt, db } = two();
  const wanted = define(db, 2048);
  const events = [
    doing(0, { xml: db.definition, alike: 'letter' }),
    done(0, { xml: wanted.to, alike: 'letter' }),
    doing(1, { active: true, paused: false, id: 77, notId: null, force: false }),
    done(1, { active: true, paused: false, id: 1, notId: null, force: false }),
    ...interrupted(true),
  ];
  const work = await workOn(libvirt, [db], [wanted, restart(db)], events);
  db.definition = String(wanted.to);
  libvirt.start(db, false);
  const run = db.run?.id;
  const outcome = await runRollback(work, { force: false, cutOff: true });
  expect(outcome).toMatchObject({ kind: 'rolled back', failure: undefined, remains: [] });
  expect(outcome.notes).toEqual([expect.stringContaining('keeps these settings until it is shut down')]);
  expect(db.run?.id).toBe(run);
  expect(libvirt.calls).toContain('connectListAllDomains');
});

test('recover has nothing to do where nothing is open', async () => {
  const { libvirt } = two();
  expect(await recoverHost(HOSTNAME, recovery(libvirt))).toEqual([]);
  expect(libvirt.calls).toEqual([]);
});

test('recover undoes all that is open, with why it was interrupted, and journals who does', async () => {
  const { libvirt, db, web, before } = two();
  for (const [domain, failed] of [
    [db, []],
    [web, [{ event: 'failed', code: 'TUNE_STEP', message: 'out of luck' }]],
  ] as const) {
    await workOn(libvirt, [domain], [pin(domain, 0, '2')], [doing(0, '0-7', domain.run?.id), ...failed]);
    setTo(domain, '2');
  }
  const outcomes = await recoverHost(HOSTNAME, recovery(libvirt));
  expect(outcomes).toHaveLength(2);
  expect(outcomes.map(({ kind, failure }) => [kind, failure?.code, failure?.message]).sort()).toEqual([
    ['undone', 'TUNE_INTERRUPTED', 'it was interrupted'],
    ['undone', 'TUNE_STEP', 'out of luck'],
  ]);
  expect(picture(libvirt)).toEqual(before);
  for (const { events } of await transactions())
    expect(events).toContainEqual(
      expect.objectContaining({
        event: 'recover',
        pid: process.pid,
        command: 'virtune tune recover',
        how: 'undo',
      }),
    );
});

test('recover finishes what was going forward, and what was going back it cannot', async () => {
  const { libvirt, db } = two();
  const steps = [pin(db, 0, '2'), shares(db, 2048)];
  const work = await workOn(libvirt, [db], steps, [doing(0, '0-7', 1)]);
  const how = 'finish';
  expect(await recoverHost(HOSTNAME, recovery(libvirt, { how }))).toMatchObject([{ kind: 'committed' }]);
  expect(db.run).toMatchObject({ pins: ['2', '0-7'], shares: 2048 });
  expect(await lastEvents()).toContainEqual(expect.objectContaining({ event: 'recover', how }));
  const back = await workOn(libvirt, [db], steps, [
    doing(0, '0-7', 1),
    { event: 'undoing', step: 0, to: '0-7' },
  ]);
  const { id } = back.journal.header;
  await expect(recoverHost(HOSTNAME, recovery(libvirt, { how }))).rejects.toMatchObject({
    code: 'TUNE_INTERRUPTED',
    message: `transaction ${id} was already being undone (by recover) and cannot be finished; undo the rest with virtune tune recover`,
  });
  await back.journal.append({ event: 'failed', code: 'X', message: 'out of luck' });
  await expect(recoverHost(HOSTNAME, recovery(libvirt, { how }))).rejects.toMatchObject({
    message: expect.stringContaining('(out of luck)'),
  });
  expect(work.journal.header.id).not.toBe(id);
});

test('recover goes on with a rollback, whichever way it is asked to', async () => {
  const { libvirt, db } = two();
  await workOn(libvirt, [db], [pin(db, 0, '2')], [doing(0, '0-7', 1), done(0, '2'), ...interrupted(true)]);
  setTo(db, '2');
  const outcomes = await recoverHost(HOSTNAME, recovery(libvirt, { how: 'finish' }));
  expect(outcomes).toMatchObject([{ kind: 'rolled back' }]);
  expect(pinsOf(db)).toBe('0-7');
});

/** Makes `db` tuned by a later transaction. */
const tuned = (db: FakeDomain): void => {
  const mark = `<metadata><t:tuned xmlns:t='https://virtune.dev/xmlns/tuner/1' profile='p' version='v' at='2999-01-01T00:00:00.000Z' id='T9'/></metadata>`;
  db.definition = db.definition?.replace('<memory', `${mark}<memory`);
};

test('a run is not finished on a VM that others have tuned since, as far as something of it is left to do', async () => {
  const finish = async (events: readonly NewEvent[], force = false) => {
    const { libvirt, db } = two();
    await workOn(libvirt, [db], [pin(db, 0, '2')], events);
    if (events.length > 0) setTo(db, '2');
    tuned(db);
    libvirt.listed();
    const [outcome] = await recoverHost(HOSTNAME, recovery(libvirt, { how: 'finish', force }));
    await forget();
    return [outcome?.kind, outcome?.failure?.code, outcome?.failure?.message, pinsOf(db)];
  };
  const refused = expect.stringMatching(
    /^it can no longer be finished: transaction .* has since tuned domain "db01" .*; roll that transaction back first \(virtune tune rollback T9\), then make a new plan \(virtune tune plan\)$/,
  );
  expect(await finish([])).toEqual(['undone', 'TUNE_CHANGED', refused, '0-7']);
  expect(await finish([doing(0, '0-7', 1)])).toEqual(['incomplete', 'TUNE_CHANGED', refused, '2']);
  expect(await finish([doing(0, '0-7', 1), done(0, '2')])).toEqual(['committed', undefined, undefined, '2']);
  expect(await finish([doing(0, '0-7', 1)], true)).toEqual(['committed', undefined, undefined, '2']);
});

test('a run is not finished where that is a danger for others now', async () => {
  const { libvirt, db, web } = two();
  web.definition = withXml(web.definition, PINS_ON_2_3 + DEDICATED_HINT);
  libvirt.start(web, false);
  await workOn(libvirt, [db], [pin(db, 0, '2')]);
  libvirt.listed();
  const [outcome] = await recoverHost(HOSTNAME, recovery(libvirt, { how: 'finish' }));
  expect(outcome).toMatchObject({
    kind: 'undone',
    failure: {
      code: 'TUNE_CHANGED',
      message: expect.stringMatching(
        /^it can no longer be finished: "web02" would violate HINT_SHARES_CPU.*, then make a new plan \(virtune tune plan\)$/s,
      ),
    },
  });
  expect(pinsOf(db)).toBe('0-7');
});

test('while the domains cannot be read a run is not finished by guess', async () => {
  const { libvirt, db } = two();
  await workOn(libvirt, [db], [pin(db, 0, '2')]);
  libvirt.onCall = (name) => {
    if (name === 'connectListAllDomains') throw new RangeError('a fault');
  };
  await expect(recoverHost(HOSTNAME, recovery(libvirt, { how: 'finish' }))).rejects.toThrow(RangeError);
  expect(pinsOf(db)).toBe('0-7');
});

test('a guest that may have been asked to shut down is known to a recovery, and others are not', async () => {
  const state = { active: true, paused: false, id: 1, notId: null, force: false };
  const said = async (events: readonly NewEvent[]): Promise<string[]> => {
    const { libvirt, db } = two();
    await workOn(libvirt, [db], [restart(db)], events);
    const all: string[] = [];
    await recoverHost(HOSTNAME, recovery(libvirt, { onSay: (text) => all.push(text) }));
    await forget();
    return all.filter((text) => text.includes('asked'));
  };
  const asked = ['"db01" was asked to shut down and may still do so; waiting up to 0.02 s'];
  expect(await said([doing(0, state)])).toEqual(asked);
  expect(await said([doing(0, state), { event: 'undoing', step: 0, to: state }])).toEqual(asked);
  expect(await said([doing(0, state), done(0, { ...state, id: 1 })])).toEqual([]);
});

test('nothing is looked at ahead where a run undoes its own steps, or is forced', async () => {
  const { libvirt, db } = two();
  const work = await workOn(libvirt, [db], [pin(db, 0, '2')]);
  expect(await lookAhead(work, { force: false })).toEqual({});
  expect(await lookAhead(work, { force: true, cutOff: true })).toEqual({});
  expect(libvirt.calls).toEqual([]);
});

test('while the domains cannot be read, every step is blocked, with the reason', async () => {
  const { libvirt, db, web } = two();
  const work = await workOn(libvirt, [db, web], [pin(db, 0, '2')]);
  libvirt.onCall = (name) => {
    if (name === 'connectListAllDomains') throw new ConnectError('LIBVIRT_NOT_FOUND', 'not now');
  };
  const { blocked, leave } = await lookAhead(work, { force: false, cutOff: true });
  const why =
    'the other domains of the host cannot be read, so virtune cannot determine whether the undo is safe: not now; run virtune tune recover again once they can be, or use --force to proceed anyway';
  expect([pin(db, 0, '2'), pin(web, 0, '2'), pages(32)].map((step) => blocked?.(step))).toEqual([
    why,
    why,
    why,
  ]);
  expect(leave).toBeUndefined();
  libvirt.onCall = (name) => {
    if (name === 'connectListAllDomains') throw new RangeError('a fault');
  };
  await expect(lookAhead(work, { force: false, cutOff: true })).rejects.toThrow(RangeError);
});

test('a pool that a run without domains made larger does not shrink while the domains cannot be read', async () => {
  const { libvirt } = two();
  libvirt.pages = 32;
  await workOn(libvirt, [], [pages(32)], [doing(0, 16), done(0, 32)]);
  libvirt.onCall = (name) => {
    if (name === 'connectListAllDomains') throw new ConnectError('LIBVIRT_NOT_FOUND', 'not now');
  };
  expect(await recoverHost(HOSTNAME, recovery(libvirt))).toMatchObject([
    {
      kind: 'incomplete',
      remains: [
        { step: pages(32), message: expect.stringContaining('cannot determine whether the undo is safe') },
      ],
    },
  ]);
  expect(libvirt.pages).toBe(32);
  // Later they can be read, and no VM depends on the pages.
  libvirt.onCall = () => undefined;
  expect(await recoverHost(HOSTNAME, recovery(libvirt))).toMatchObject([{ kind: 'undone', remains: [] }]);
  expect(libvirt.pages).toBe(16);
});

test('a recovery undoes restarts, and an interrupted rollback does not, so they block different steps', async () => {
  const isBlocked = async (rollback: boolean): Promise<boolean> => {
    const { libvirt, db, web } = two();
    web.definition = withXml(web.definition, PINS_ON_2_3);
    libvirt.start(web, false);
    // It is defined with dedicated CPUs where web runs, but does not run with them yet.
    const events = [
      doing(0, { active: true, paused: false, id: 77, notId: null, force: false }),
      done(0, { active: true, paused: false, id: 1, notId: null, force: false }),
    ];
    const work = await workOn(libvirt, [db], [restart(db)], [...events, ...interrupted(rollback)]);
    libvirt.start(db, false);
    db.definition = withXml(db.definition, PINS_ON_2_3 + DEDICATED_HINT);
    libvirt.listed();
    const { blocked: why } = await lookAhead(work, { force: false, cutOff: true });
    return why?.(restart(db)) !== undefined;
  };
  expect(await isBlocked(false)).toBe(true);
  expect(await isBlocked(true)).toBe(false);
});

test('the outcome names the domains whose settings wait for a boot, and no others', () => {
  const domain = { uuid: UUIDS[0], name: 'db01' };
  const leave = leftForBoot({ waiting: new Set([UUIDS[0]]) });
  expect(leave({ kind: 'vcpuPin', domain, vcpu: 0, to: '2' })).toBe(
    'it stays unchanged until the next boot of "db01"',
  );
  expect(leave({ kind: 'restart', domain, to: 'restarted' })).toBe(false);
  expect(leave(pages(1))).toBe(false);
});

test('only a VM that runs otherwise than its old definition says waits for its next boot', async () => {
  const bound = async (
    spoil: (it: ReturnType<typeof two>) => void,
    events: readonly NewEvent[] = [{ event: 'undone', step: 0 }],
  ): Promise<string[]> => {
    const it = two();
    const { libvirt, db, web } = it;
    const wanted = define(db, 2048);
    const other = pin(web, 0, '2');
    const work = await workOn(libvirt, [web, db], [wanted, other], [...events, { event: 'undone', step: 1 }]);
    const old = db.definition;
    db.definition = String(wanted.to);
    libvirt.start(db, false);
    db.definition = old;
    spoil(it);
    return boundToNextBoot(work);
  };
  expect(await bound(() => undefined)).toEqual([
    'domain "db01" keeps these settings until it is shut down and started again: vcpupin of 0 is 2, not unset; shares is 2048, not unset',
  ]);
  const off = ({ db }: ReturnType<typeof two>): void => {
    db.run = undefined;
  };
  expect(await bound(off)).toEqual([]);
  expect(await bound(({ libvirt, db }) => libvirt.start(db, false))).toEqual([]);
  expect(await bound(() => undefined, [{ event: 'same', step: 0 }])).toEqual([]);
});

test('of a domain that had no definition, or while libvirt is away, nothing waits', async () => {
  const { libvirt, db } = two();
  const wanted = define(db, 2048);
  db.definition = undefined;
  const work = await workOn(libvirt, [db], [wanted], [{ event: 'undone', step: 0 }]);
  expect(await boundToNextBoot(work)).toEqual([]);
  expect(libvirt.calls).toEqual([]);
  const away = two();
  const lost = await workOn(away.libvirt, [away.db], [define(away.db, 2048)], [{ event: 'undone', step: 0 }]);
  Object.defineProperty(lost.link, 'isAway', { value: true });
  expect(await boundToNextBoot(lost)).toEqual([]);
  expect(away.libvirt.calls).toEqual([]);
});

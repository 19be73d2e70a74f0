import { existsSync } from 'node:fs';
import { expect, test } from 'vitest';
import { concludeTransaction } from '../../../tuner/apply/conclude.ts';
import { at, executeStep, executeSteps } from '../../../tuner/apply/execute.ts';
import { TunerError } from '../../../tuner/errors.ts';
import { reservePath } from '../../../tuner/journal/journal.ts';
import type { NewEvent } from '../../../tuner/journal/records.ts';
import type { HostLease } from '../../../tuner/lock/held-lease.ts';
import { FakeLibvirt } from './fake-libvirt.ts';
import { define, pages, pin, shares, UUIDS } from './fixtures.ts';
import { doing, done, eventsOf, workOn } from './work.ts';

function world() {
  const libvirt = new FakeLibvirt();
  const domain = libvirt.add('db01', UUIDS[0]);
  return { libvirt, domain, defined: domain.definition };
}
const leaseThat = (check: () => Promise<void>): HostLease => ({
  kind: 'libvirt',
  check,
  regain: async () => undefined,
  release: async () => undefined,
});

test('each step is journalled before it is set, with what was there and the run that it ends with', async () => {
  const { libvirt, domain, defined } = world();
  const steps = [pages(32), pin(domain, 0, '2'), define(domain, 2048), shares(domain, 1024)];
  const work = await workOn(libvirt, [domain], steps);
  expect(await executeSteps(work)).toBeUndefined();
  expect(work.journal.events).toMatchObject([
    { event: 'doing', step: 0, was: 16, run: undefined },
    { event: 'done', step: 0, now: 32, proof: [] },
    { event: 'doing', step: 1, was: '0-7', run: 1 },
    { event: 'done', step: 1, now: '2', proof: [] },
    { event: 'doing', step: 2, was: { xml: defined }, run: undefined },
    { event: 'done', step: 2, proof: [expect.stringContaining('it boots with')] },
    { event: 'same', step: 3 },
    { event: 'committed' },
  ]);
});

test('what is done, or was as wanted, is not done once more', async () => {
  const { libvirt, domain } = world();
  const steps = [pin(domain, 0, '2'), pages(16)];
  const work = await workOn(libvirt, [domain], steps, [
    doing(0, '0-7'),
    done(0, '2'),
    { event: 'same', step: 1 },
  ]);
  await executeStep(work, 0);
  await executeStep(work, 1);
  expect([libvirt.calls, eventsOf(work)]).toEqual([[], ['doing 0', 'done 0', 'same 1']]);
});

test('an interrupted step is set again, also where it seems to be done', async () => {
  const { libvirt, domain } = world();
  domain.run?.pins.splice(0, 1, '2');
  const work = await workOn(libvirt, [domain], [pin(domain, 0, '2')], [doing(0, '0-7', 1)]);
  await executeStep(work, 0);
  expect(libvirt.calls).toContain('domainPinVcpuFlags');
  expect(eventsOf(work)).toEqual(['doing 0', 'done 0']);
});

test('a step that the transaction does not have is an error', async () => {
  const { libvirt } = world();
  const { journal } = await workOn(libvirt, [], [pages(16)]);
  expect(at(journal, 0).step).toEqual(pages(16));
  expect(() => at(journal, 1)).toThrow('the transaction has no step 1');
});

test('a stop ends it before the next step is begun', async () => {
  const { libvirt } = world();
  const work = await workOn(libvirt, [], [pages(32)], [], { link: { signal: AbortSignal.abort() } });
  expect(await executeSteps(work)).toMatchObject({ code: 'TUNE_STOPPED', step: 0 });
  expect([libvirt.pages, eventsOf(work)]).toEqual([16, []]);
});

test('a lost lock ends it before a step is begun, and not where nothing has to be set', async () => {
  const { libvirt } = world();
  const lost = async () => {
    throw new TunerError('TUNE_LOCKED', 'the lock is lost');
  };
  const work = await workOn(libvirt, [], [pages(16), pages(32)], [], { link: { lease: leaseThat(lost) } });
  expect(await executeSteps(work)).toEqual({
    code: 'TUNE_LOCKED',
    message: 'host: 32 pages of 2048 KiB on cell 0: the lock is lost',
    step: 1,
    seen: undefined,
  });
  expect([libvirt.pages, eventsOf(work)]).toEqual([16, ['same 0']]);
});

test('a definition that is not the planned one any more is not replaced', async () => {
  const { libvirt, domain, defined } = world();
  const work = await workOn(libvirt, [domain], [define(domain, 2048)]);
  domain.definition = defined?.replace('raw', 'qcow2');
  expect(await executeSteps(work)).toMatchObject({
    code: 'TUNE_CHANGED',
    message: expect.stringMatching(/^"db01": definition for the next boot: .*qcow2/),
  });
  expect(eventsOf(work)).toEqual([]);
  // Nothing is known about a domain whose plan saw no definition.
  const other = await workOn(libvirt, [], [define(domain, 2048)]);
  expect(await executeSteps(other)).toBeUndefined();
});

test('a set that had no effect is a failure with what is there instead', async () => {
  const { libvirt, domain } = world();
  libvirt.ignored.add('domainPinVcpuFlags');
  const work = await workOn(libvirt, [domain], [pin(domain, 0, '2'), pages(32)]);
  expect(await executeSteps(work)).toEqual({
    code: 'TUNE_READ_BACK',
    message: '"db01": vCPU 0 to CPUs 2: it was accepted but had no effect: it is on CPUs 0-7, not 2',
    step: 0,
    seen: '0-7',
  });
  // No later step is started.
  expect([libvirt.pages, eventsOf(work)]).toEqual([16, ['doing 0']]);
});

test('a failure without a code is one of a step', async () => {
  const { libvirt } = world();
  libvirt.onCall = (name) => {
    if (name === 'nodeAllocPages') throw new Error('out of luck');
  };
  const work = await workOn(libvirt, [], [pages(32)]);
  expect(await executeSteps(work)).toMatchObject({ code: 'TUNE_STEP', step: 0, seen: undefined });
});

test('what is looked at before the commit is looked at after the last step, and may end it', async () => {
  const { libvirt } = world();
  const work = await workOn(libvirt, [], [pages(32)]);
  const looked = async () => {
    expect(eventsOf(work)).toEqual(['doing 0', 'done 0']);
    throw new TunerError('TUNE_CHANGED', 'others were here');
  };
  expect(await executeSteps(work, looked)).toEqual({
    code: 'TUNE_CHANGED',
    message: 'others were here',
    step: undefined,
    seen: undefined,
  });
  expect(work.journal.progress.status).toBe('open');
});

test('what failed is journalled with what was seen, and undone', async () => {
  const { libvirt, domain } = world();
  const events: NewEvent[] = [doing(0, '0-7', 1)];
  const work = await workOn(libvirt, [domain], [pin(domain, 0, '2')], events, {
    header: { notes: ['a note'] },
  });
  domain.run?.pins.splice(0, 1, '2');
  const failure = { code: 'TUNE_READ_BACK', message: 'no effect', step: 0, seen: '2' };
  const { id } = work.journal.header;
  expect(await concludeTransaction(work, failure)).toEqual({
    id,
    kind: 'undone',
    failure: { code: 'TUNE_READ_BACK', message: 'no effect' },
    remains: [],
    notes: [],
  });
  expect(domain.run?.pins[0]).toBe('0-7');
  expect(work.journal.events[1]).toMatchObject({
    event: 'failed',
    code: 'TUNE_READ_BACK',
    message: 'no effect',
    step: 0,
    now: '2',
  });
  // The rollback does not check for changes by others: there was no time for any.
  expect(libvirt.calls).not.toContain('connectListAllDomains');
});

test('what did not fail is committed, with the notes of its plan', async () => {
  const { libvirt } = world();
  const work = await workOn(libvirt, [], [], [{ event: 'committed' }], { header: { notes: ['a note'] } });
  const { id } = work.journal.header;
  expect(await concludeTransaction(work, undefined)).toEqual({
    id,
    kind: 'committed',
    failure: undefined,
    remains: [],
    notes: ['a note'],
  });
  expect(existsSync(reservePath(work.journal.path))).toBe(false);
});

test('after a while the undo looks at what others did, and says what waits for a boot', async () => {
  const { libvirt, domain, defined } = world();
  const wanted = define(domain, 2048);
  const events = [doing(0, { xml: defined, alike: 'letter' }), done(0, { xml: wanted.to, alike: 'letter' })];
  const work = await workOn(libvirt, [domain], [wanted], events);
  // It has booted with the definition that is now rolled back.
  domain.definition = String(wanted.to);
  libvirt.start(domain, false);
  const failure = { code: 'TUNE_INTERRUPTED', message: 'it was interrupted' };
  const outcome = await concludeTransaction(work, failure, { cutOff: true });
  expect(outcome).toMatchObject({ kind: 'undone', remains: [] });
  expect(outcome.notes).toEqual([
    expect.stringMatching(/^domain "db01" keeps these settings until it is shut down and started again: /),
  ]);
  expect(domain.definition).toBe(defined);
  expect(libvirt.calls).toContain('connectListAllDomains');
});

test('what cannot be undone leaves the transaction incomplete', async () => {
  const { libvirt, domain } = world();
  domain.run?.pins.splice(0, 1, '2');
  const work = await workOn(libvirt, [domain], [pin(domain, 0, '2')], [doing(0, '0-7', 1)]);
  libvirt.ignored.add('domainPinVcpuFlags');
  expect(await concludeTransaction(work, { code: 'X', message: 'y' })).toMatchObject({
    kind: 'incomplete',
    remains: [{ step: pin(domain, 0, '2') }],
  });
});

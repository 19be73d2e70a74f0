import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { ErrorCode } from '../../../libvirt/constants.ts';
import { RemoteError } from '../../../libvirt/errors.ts';
import { readBootId } from '../../../tuner/apply/ended-on-host.ts';
import type { Work } from '../../../tuner/apply/execute.ts';
import { blockedBy } from '../../../tuner/apply/look-ahead.ts';
import { startUndo, type UndoOptions, undoSteps } from '../../../tuner/apply/undo.ts';
import { TunerError } from '../../../tuner/errors.ts';
import { reservePath } from '../../../tuner/journal/journal.ts';
import type { NewEvent } from '../../../tuner/journal/records.ts';
import type { Step } from '../../../tuner/steps/step.ts';
import { type FakeDomain, FakeLibvirt } from './fake-libvirt.ts';
import { define, pages, pin, restart, stateDir, UUIDS } from './fixtures.ts';
import { doing, done, eventsOf, workOn } from './work.ts';

function world() {
  const libvirt = new FakeLibvirt();
  const domain = libvirt.add('db01', UUIDS[0]);
  return { libvirt, domain, defined: domain.definition };
}
const pinsOf = ({ run }: FakeDomain): string | undefined => run?.pins[0];
const setTo = ({ run }: FakeDomain, cpus: string): void => void run?.pins.splice(0, 1, cpus);
const undo = (work: Work, more: Partial<UndoOptions> = {}) => undoSteps(work, { force: false, ...more });
const noteOf = ({ journal }: Work, index: number): unknown => {
  const { progress } = journal.progress.steps[index] ?? {};
  return progress?.kind === 'undone' ? progress.note : progress;
};

/** A transaction that has only pinned vCPU 0 to CPU 2. */
async function pinned(more: readonly NewEvent[] = [done(0, '2')], steps: readonly Step[] = [], was = '0-7') {
  const it = world();
  setTo(it.domain, '2');
  const events = [doing(0, was, it.domain.run?.id), ...more];
  const work = await workOn(it.libvirt, [it.domain], [pin(it.domain, 0, '2'), ...steps], events);
  return { ...it, work };
}

test('steps that were begun are undone, and others are not changed', async () => {
  const { libvirt, domain, work } = await pinned([], [pages(99)]);
  expect(await undo(work)).toEqual({ remains: [], notes: [] });
  expect([pinsOf(domain), libvirt.pages]).toEqual(['0-7', 16]);
  expect(eventsOf(work)).toEqual(['doing 0', 'undoing 0', 'undone 0', 'rolledBack']);
  expect(noteOf(work, 0)).toBeUndefined();
});

test('a value that is as it was before is not set again, if its step was verified', async () => {
  const { libvirt, domain, work } = await pinned();
  setTo(domain, '0-7');
  await undo(work);
  expect(libvirt.calls).not.toContain('domainPinVcpuFlags');
  const unsure = await pinned([]);
  setTo(unsure.domain, '0-7');
  await undo(unsure.work);
  expect(unsure.libvirt.calls).toContain('domainPinVcpuFlags');
});

test('an interrupted undo continues to the same target', async () => {
  const { domain, work } = await pinned([done(0, '2'), { event: 'undoing', step: 0, to: '5' }]);
  expect(await undo(work)).toEqual({ remains: [], notes: [] });
  expect(pinsOf(domain)).toBe('5');
});

test('steps that are left out are journalled as undone, with the reason if there is one', async () => {
  for (const left of [true, 'it waits']) {
    const { domain, work } = await pinned();
    expect(await undo(work, { leave: ({ kind }) => kind === 'vcpuPin' && left })).toEqual({
      remains: [],
      notes: [],
    });
    expect([pinsOf(domain), noteOf(work, 0)]).toEqual(['2', left === true ? undefined : left]);
  }
  const { domain, work } = await pinned();
  await undo(work, { leave: () => false });
  expect(pinsOf(domain)).toBe('0-7');
});

test('a blocked domain stays unchanged, and the host with it; other domains are undone', async () => {
  const { libvirt, domain, work } = await pinned([done(0, '2'), doing(1, 16), done(1, 32)], [pages(32)]);
  libvirt.pages = 32;
  const others = new Map([['another', 'it is in the way']]);
  const { remains } = await undo(work, { blocked: blockedBy(others) });
  expect(remains).toEqual([{ step: pages(32), message: 'it is in the way' }]);
  expect([pinsOf(domain), libvirt.pages]).toEqual(['0-7', 32]);
  expect(work.journal.events).toContainEqual(
    expect.objectContaining({ event: 'remains', step: 1, code: 'TUNE_CHANGED' }),
  );
  const own = await pinned();
  const result = await undo(own.work, { blocked: blockedBy(new Map([[own.domain.uuid, 'others need it']])) });
  expect(result.remains).toMatchObject([{ message: 'others need it' }]);
  expect(pinsOf(own.domain)).toBe('2');
  expect(eventsOf(own.work)).not.toContain('rolledBack');
});

test('a pool that another user has changed within the run stays, except with --force', async () => {
  const { libvirt, domain, work } = await pinned([done(0, '2'), doing(1, 16), done(1, 32)], [pages(32)]);
  setTo(domain, '5');
  libvirt.pages = 40;
  const why = (difference: string): string =>
    `something else has changed it since: ${difference}; review the change, then run virtune tune recover --force to overwrite it`;
  expect((await undo(work)).remains).toEqual([
    { step: pages(32), message: why('it is 40, not 32') },
    { step: pin(domain, 0, '2'), message: why('it is on CPUs 5, not 2') },
  ]);
  expect([pinsOf(domain), libvirt.pages]).toEqual(['5', 40]);
  expect(await undo(work, { force: true })).toEqual({ remains: [], notes: [] });
  expect([pinsOf(domain), libvirt.pages]).toEqual(['0-7', 16]);
});

test('the host is undone if no domain is blocked', async () => {
  const { libvirt, work } = await pinned([done(0, '2'), doing(1, 16), done(1, 32)], [pages(32)]);
  libvirt.pages = 32;
  expect(await undo(work, { blocked: blockedBy(new Map()) })).toEqual({ remains: [], notes: [] });
  expect(libvirt.pages).toBe(16);
});

test('what cannot be undone remains, with the code of its error or that of a step', async () => {
  for (const [error, code] of [
    [new TunerError('TUNE_JOURNAL', 'out of luck'), 'TUNE_JOURNAL'],
    [new Error('out of luck'), 'TUNE_STEP'],
  ] as const) {
    const { libvirt, domain, work } = await pinned();
    libvirt.onCall = (name) => {
      if (name === 'domainPinVcpuFlags') throw error;
    };
    const { remains } = await undo(work);
    expect(remains).toEqual([{ step: pin(domain, 0, '2'), message: 'out of luck' }]);
    expect(work.journal.events.at(-1)).toMatchObject({ event: 'remains', code, message: 'out of luck' });
    expect(work.journal.progress.status).toBe('open');
  }
});

test('a failed call after which the old value is in place is not a failure', async () => {
  const { libvirt, domain, work } = await pinned();
  libvirt.onCall = (name) => {
    if (name !== 'domainPinVcpuFlags') return;
    setTo(domain, '0-7');
    throw new Error('the answer was lost');
  };
  expect(await undo(work)).toEqual({ remains: [], notes: [] });
});

test('a failed call after which the value cannot be read remains, with the reason', async () => {
  const { libvirt, work } = await pinned();
  let failed = false;
  libvirt.onCall = (name) => {
    failed ||= name === 'domainPinVcpuFlags';
    if (failed && /Pin/.test(name)) throw new Error(`${name} failed`);
  };
  expect((await undo(work)).remains).toMatchObject([{ message: 'domainPinVcpuFlags failed' }]);
});

const GONE =
  'domain "db01" is no longer on this host (undefined, or migrated with its settings): there is nothing to undo here';
const OFF = 'domain "db01" is no longer running, which undid its live settings';
const AGAIN = 'domain "db01" was restarted since, which undid its live settings';

test.each<[string, string, (it: ReturnType<typeof world>) => void]>([
  [
    'left the host',
    GONE,
    ({ libvirt }) => {
      libvirt.domains.length = 0;
    },
  ],
  [
    'was shut down',
    OFF,
    ({ domain }) => {
      domain.run = undefined;
    },
  ],
])('live settings of a domain that %s have ended, which is reported and journalled', async (_, note, end) => {
  const it = await pinned();
  end(it);
  expect(await undo(it.work)).toEqual({ remains: [], notes: [note] });
  expect(noteOf(it.work, 0)).toBe(note);
  // While the undo runs as well.
  const late = await pinned();
  late.libvirt.onCall = (name) => {
    if (name !== 'domainPinVcpuFlags') return;
    end(late);
    throw new Error('it ended');
  };
  expect(await undo(late.work)).toEqual({ remains: [], notes: [note] });
});

test('a domain that was restarted before or during the undo no longer has any of its settings', async () => {
  for (const when of ['domainGetVcpuPinInfo', 'domainPinVcpuFlags'] as const) {
    const { libvirt, domain, work } = await pinned();
    let failed = false;
    libvirt.onCall = (name) => {
      if (name !== when || failed) return;
      failed = true;
      libvirt.start(domain, false);
      setTo(domain, '6');
      throw new Error('no such thread');
    };
    expect(await undo(work)).toEqual({ remains: [], notes: [AGAIN] });
    expect(pinsOf(domain)).toBe('6');
  }
});

test('a setting that cannot be read on the same run, or on one that is not known, remains', async () => {
  for (const run of [1, undefined]) {
    const it = world();
    if (run === undefined) it.libvirt.start(it.domain, false);
    const work = await workOn(it.libvirt, [it.domain], [pin(it.domain, 0, '2')], [doing(0, '0-7', run)]);
    it.libvirt.onCall = (name) => {
      if (name === 'domainGetVcpuPinInfo') throw new Error('no such thread');
    };
    expect(await undo(work)).toMatchObject({ remains: [{ message: 'no such thread' }], notes: [] });
  }
});

test('a definition that cannot be read remains, whatever the domain runs', async () => {
  const { libvirt, domain } = world();
  const events = [doing(0, { xml: domain.definition, alike: 'letter' }, 99)];
  const work = await workOn(libvirt, [domain], [define(domain, 2048)], events);
  libvirt.onCall = (name) => {
    if (name === 'domainGetXmlDesc') throw new Error('not now');
  };
  expect(await undo(work)).toMatchObject({ remains: [{ message: 'not now' }], notes: [] });
});

test('a definition that no longer exists has nothing to restore; the running domain has', async () => {
  const { libvirt, domain } = world();
  setTo(domain, '2');
  const steps = [pin(domain, 0, '2'), define(domain, 2048)];
  const events = [doing(0, '0-7', 1), done(0, '2'), doing(1, { xml: domain.definition, alike: 'letter' })];
  const work = await workOn(libvirt, [domain], steps, events);
  domain.definition = undefined;
  expect(await undo(work)).toEqual({ remains: [], notes: ['domain "db01" no longer has a definition'] });
  expect(pinsOf(domain)).toBe('0-7');
});

/** A definition was being replaced, and this is the current one. */
async function redefined(
  now: 'theirs' | 'ours' | 'seen' | 'before',
  more: (seen: unknown) => readonly NewEvent[],
  how: Partial<UndoOptions> = {},
) {
  const { libvirt, domain, defined } = world();
  const step = define(domain, 2048);
  const seen = { xml: String(step.to).replace('2048<', '1000<'), alike: 'letter' };
  const events = [doing(0, { xml: defined, alike: 'letter' }), ...more(seen)];
  const work = await workOn(libvirt, [domain], [step], events);
  domain.definition = {
    theirs: defined
      ?.replace('<memory', '<title>x</title><memory')
      .replace('<vcpu', '<cputune><shares>7</shares></cputune><vcpu'),
    ours: String(step.to),
    seen: seen.xml,
    before: defined,
  }[now];
  const { remains } = await undo(work, how);
  return { said: remains.map(({ message }) => message).join(), isBack: domain.definition === defined };
}
const asSeen = (seen: unknown): NewEvent[] => [done(0, seen)];
const asFailed = (now: unknown): NewEvent[] => [
  { event: 'failed', step: 0, code: 'TUNE_READ_BACK', message: '', now },
];

test('a definition is restored where it is still the one that was written, as it was read then', async () => {
  expect(await redefined('before', asSeen)).toEqual({ said: '', isBack: true });
  expect(await redefined('seen', asSeen)).toEqual({ said: '', isBack: true });
  expect(await redefined('seen', asFailed)).toEqual({ said: '', isBack: true });
  expect(await redefined('ours', () => [])).toEqual({ said: '', isBack: true });
  expect(await redefined('ours', asSeen)).toMatchObject({ isBack: false });
});

test('a definition that another user has written since stays, except with --force', async () => {
  const { said, isBack } = await redefined('theirs', () => []);
  expect(said).toMatch(
    /^something else has changed it since: .*; review the change, then use --force to restore the old definition anyway$/,
  );
  expect(isBack).toBe(false);
  expect(await redefined('theirs', () => [], { cutOff: true })).toEqual({ said, isBack: false });
  expect(await redefined('theirs', () => [], { force: true })).toEqual({ said: '', isBack: true });
});

test('what others have set is not changed, after a while or within the run, except with --force or if the run has ended', async () => {
  const others = async (more: Partial<UndoOptions>, during?: (it: ReturnType<typeof world>) => void) => {
    const it = await pinned();
    during?.(it);
    setTo(it.domain, '6');
    const { remains, notes } = await undo(it.work, more);
    return [pinsOf(it.domain), remains.map(({ message }) => message).join() || notes.join()];
  };
  const changed = 'something else has changed it since: it is on CPUs 6, not 2; review the change, then ';
  expect(await others({ cutOff: true })).toEqual(['6', `${changed}use --force to overwrite it`]);
  expect(await others({ cutOff: true, force: true })).toEqual(['0-7', '']);
  expect(await others({})).toEqual(['6', `${changed}run virtune tune recover --force to overwrite it`]);
  for (const cutOff of [true, false]) {
    expect(await others({ cutOff }, ({ libvirt, domain }) => libvirt.start(domain, false))).toEqual([
      '6',
      AGAIN,
    ]);
  }
});

test('changes by others are checked only where they had the time', async () => {
  const listed = async (more: Partial<UndoOptions>): Promise<boolean> => {
    const { libvirt, work } = await pinned();
    await undo(work, more);
    return libvirt.calls.includes('connectListAllDomains');
  };
  expect(await listed({ cutOff: true })).toBe(true);
  expect(await listed({ cutOff: true, force: true })).toBe(false);
  expect(await listed({})).toBe(false);
});

test('while libvirt does not list its domains, neither a domain nor a pool is undone, except with --force', async () => {
  const interrupted = async (more: Partial<UndoOptions>) => {
    const { libvirt, domain, work } = await pinned([done(0, '2'), doing(1, 16), done(1, 32)], [pages(32)]);
    libvirt.pages = 32;
    libvirt.onCall = (name) => {
      if (name === 'connectListAllDomains') throw new Error('not now');
    };
    const { remains } = await undo(work, { cutOff: true, ...more });
    return [remains.map(({ step, message }) => [step.kind, message]), pinsOf(domain), libvirt.pages];
  };
  const why =
    'the other domains of the host cannot be read, so virtune cannot determine whether the undo is safe: not now; run virtune tune recover again once they can be, or use --force to proceed anyway';
  const all = (kinds: readonly string[], message: string) => kinds.map((kind) => [kind, message]);
  expect(await interrupted({})).toEqual([all(['hostPages', 'vcpuPin'], why), '2', 32]);
  // A reason that was found earlier takes precedence.
  expect(await interrupted({ blocked: () => 'others need it' })).toEqual([
    all(['hostPages', 'vcpuPin'], 'others need it'),
    '2',
    32,
  ]);
  expect(await interrupted({ force: true })).toEqual([[], '0-7', 16]);
});

test('a libvirt that has just come back is asked again for its domains', async () => {
  const { libvirt, domain, work } = await pinned();
  let refusals = 1;
  libvirt.onCall = (name) => {
    if (name === 'connectListAllDomains' && refusals-- > 0)
      throw new RemoteError(name, ErrorCode.operationInvalid, 10, 'not now');
  };
  expect(await undo(work, { cutOff: true })).toEqual({ remains: [], notes: [] });
  expect(pinsOf(domain)).toBe('0-7');
});

/** Makes its domain tuned by another transaction just now. */
const tuned = ({ libvirt, domain }: ReturnType<typeof world>): void => {
  const mark = `<metadata><t:tuned xmlns:t='https://virtune.dev/xmlns/tuner/1' profile='p' version='v' at='2999-01-01T00:00:00.000Z' id='T9'/></metadata>`;
  libvirt.answers = {
    connectListAllDomains: () => ({ domains: [{ uuid: domain.uuid, name: domain.name, id: -1 }], count: 1 }),
    domainGetXmlDesc: () => ({
      xml: `<domain><name>db01</name><uuid>${domain.uuid}</uuid>${mark}<vcpu>2</vcpu></domain>`,
    }),
  };
};

test('a domain that another transaction has tuned since is not changed, nor restarted', async () => {
  const it = await pinned();
  tuned(it);
  const { remains } = await undo(it.work, { cutOff: true });
  expect(remains).toMatchObject([{ message: expect.stringContaining('transaction T9 has since tuned') }]);
  expect(pinsOf(it.domain)).toBe('2');
  const restarts = [restart(it.domain)];
  const other = world();
  const work = await workOn(
    other.libvirt,
    [other.domain],
    [define(other.domain, 2048)],
    [{ event: 'committed' }, { event: 'rollback', pid: 1, command: '', restarts }],
  );
  const { id } = other.domain.run ?? {};
  tuned(other);
  expect((await undo(work, { cutOff: true })).remains).toMatchObject([{ step: { kind: 'restart' } }]);
  expect(other.domain.run?.id).toBe(id);
});

test('a pool that a VM tuned since depends on does not shrink', async () => {
  const libvirt = new FakeLibvirt();
  libvirt.pages = 32;
  const work = await workOn(libvirt, [], [pages(32)], [doing(0, 16), done(0, 32)]);
  const mark = `<metadata><t:tuned xmlns:t='https://virtune.dev/xmlns/tuner/1' profile='p' version='v' at='2999-01-01T00:00:00.000Z' id='T9'/></metadata>`;
  libvirt.answers = {
    connectListAllDomains: () => ({ domains: [{ uuid: UUIDS[1], name: 'web02', id: -1 }], count: 1 }),
    domainIsPersistent: () => ({ persistent: true }),
    domainGetXmlDesc: () => ({
      xml: `<domain><name>web02</name><uuid>${UUIDS[1]}</uuid>${mark}<memory unit='MiB'>60</memory><vcpu>2</vcpu>
        <memoryBacking><hugepages><page size='2' unit='MiB'/></hugepages></memoryBacking></domain>`,
    }),
    nodeGetFreePages: () => ({ counts: [32n] }),
  };
  expect((await undo(work, { cutOff: true })).remains).toMatchObject([
    { message: expect.stringContaining('14 would be missing at the next boot of "web02"') },
  ]);
  expect(libvirt.pages).toBe(32);
});

test('a domain that does not start is tried again after the other domains, and before the host is undone', async () => {
  const libvirt = new FakeLibvirt();
  const [db, web] = [libvirt.add('db01', UUIDS[0]), libvirt.add('web02', UUIDS[1])];
  libvirt.pages = 32;
  const steps = [pages(24), pages(32), restart(db), restart(web)];
  const started = { active: true, paused: false, notId: null, force: false };
  // Both have been restarted since; web cannot start until db has released what it held.
  const events = [
    ...[doing(0, 16), done(0, 24), doing(1, 24), done(1, 32)],
    ...[doing(2, { ...started, id: 77 }), doing(3, { ...started, id: 78 })],
  ];
  const work = await workOn(libvirt, [db, web], steps, events);
  const before = db.run?.id;
  libvirt.refusesToStart = (definition) =>
    definition.includes('web02') && db.run?.id === before ? 'Cannot allocate memory' : undefined;
  libvirt.calls.length = 0;
  expect(await undo(work)).toEqual({ remains: [], notes: [] });
  expect(libvirt.calls.filter((name) => /Create|AllocPages/.test(name))).toEqual([
    'domainCreateWithFlags',
    'domainCreateWithFlags',
    'domainCreateWithFlags',
    'nodeAllocPages',
    'nodeAllocPages',
  ]);
  expect([db.run?.id, web.run?.id].every((id) => id !== undefined && id > 2)).toBe(true);
});

test('after a reboot of the host its settings are as before, and without a known boot id nothing is assumed', async () => {
  const procRoot = join(stateDir(), 'proc');
  mkdirSync(`${procRoot}/sys/kernel/random`, { recursive: true });
  writeFileSync(`${procRoot}/sys/kernel/random/boot_id`, 'second\n');
  expect(readBootId(procRoot)).toBe('second');
  expect(readBootId(undefined)).toBeUndefined();
  const local = { procRoot, sysRoot: '/nowhere', cgroupRoot: '/nowhere' };
  const outcome = async (bootId: string | undefined) => {
    const libvirt = new FakeLibvirt();
    libvirt.pages = 32;
    const work = await workOn(libvirt, [], [pages(32)], [doing(0, 16), done(0, 32)], {
      header: { bootId },
      link: { local },
    });
    return [(await undo(work)).notes.join(), libvirt.pages];
  };
  expect(await outcome('first')).toEqual(['the host has rebooted since, which undid the change', 32]);
  expect(await outcome('second')).toEqual(['', 16]);
  expect(await outcome(undefined)).toEqual(['', 16]);
});

test('an undo takes its lease again, has room for its journal, and ignores a stop', async () => {
  const { libvirt } = world();
  let regained = 0;
  const work = await workOn(libvirt, [], [pages(32)], [], {
    link: {
      signal: AbortSignal.abort(),
      lease: {
        kind: 'libvirt',
        check: async () => undefined,
        regain: async () => void regained++,
        release: async () => undefined,
      },
    },
  });
  const reserve = reservePath(work.journal.path);
  expect(existsSync(reserve)).toBe(true);
  expect(() => work.link.throwIfStopped()).toThrow(expect.objectContaining({ code: 'TUNE_STOPPED' }));
  await startUndo(work);
  expect([existsSync(reserve), regained]).toEqual([false, 1]);
  expect(() => work.link.throwIfStopped()).not.toThrow();
});

/** Of an earlier run than the current one. */
const EARLIER_RUN = { active: true, paused: false, id: 77, notId: null, force: false };

test('a run is switched off where it does not obey if this process saw it fail, and only then', async () => {
  const outcome = async (more: readonly NewEvent[], failed: boolean) => {
    const { libvirt, domain } = world();
    domain.obeys = false;
    const before = domain.run?.id;
    const events = [doing(0, EARLIER_RUN), ...more];
    const work = await workOn(libvirt, [domain], [restart(domain)], events);
    if (failed) work.link.failedStarts.add(domain.uuid);
    const { remains } = await undo(work);
    return [remains.map(({ message }) => message).join(), domain.run?.id !== before];
  };
  const left = [expect.stringContaining('did not shut down within'), false];
  expect(await outcome([], true)).toEqual(['', true]);
  expect(await outcome([], false)).toEqual(left);
  expect(await outcome([done(0, { ...EARLIER_RUN, id: 1 })], true)).toEqual(left);
});

test('a VM that others have paused since its restart is not one whose setting they have changed', async () => {
  const { libvirt, domain } = world();
  const events = [doing(0, EARLIER_RUN), done(0, { ...EARLIER_RUN, id: 1 })];
  const work = await workOn(libvirt, [domain], [restart(domain)], events);
  if (domain.run !== undefined) domain.run.paused = true;
  expect((await undo(work, { cutOff: true })).remains).toMatchObject([
    { message: expect.stringContaining('is paused and cannot shut down') },
  ]);
});

test('an interrupted undo knows the run that its settings end with', async () => {
  const { libvirt, domain, work } = await pinned([done(0, '2'), { event: 'undoing', step: 0, to: '0-7' }]);
  libvirt.start(domain, false);
  setTo(domain, '6');
  libvirt.onCall = (name) => {
    if (name === 'domainGetVcpuPinInfo') throw new Error('no such thread');
  };
  expect(await undo(work)).toEqual({ remains: [], notes: [AGAIN] });
});

test('a set back that has no effect remains', async () => {
  const { libvirt, work } = await pinned();
  libvirt.ignored.add('domainPinVcpuFlags');
  expect((await undo(work)).remains).toMatchObject([
    { message: 'restoring it was accepted but had no effect: it is on CPUs 2, not 0-7' },
  ]);
});

test('while libvirt stays away, the failure of a step is the first error', async () => {
  const { libvirt, work } = await pinned();
  libvirt.onCall = (name) => {
    if (name !== 'domainPinVcpuFlags') return;
    Object.defineProperty(work.link, 'isAway', { value: true });
    libvirt.calls.length = 0;
    throw new Error('gone for good');
  };
  expect((await undo(work)).remains).toMatchObject([{ message: 'gone for good' }]);
  expect(libvirt.calls).toEqual([]);
});

test('a restart that a rollback adds is not made in a blocked domain', async () => {
  const { libvirt, domain } = world();
  const restarts = [restart(domain)];
  const work = await workOn(
    libvirt,
    [domain],
    [pages(16)],
    [{ event: 'committed' }, { event: 'rollback', pid: 1, command: '', restarts }],
  );
  const blocked = blockedBy(new Map([[domain.uuid, 'others need it']]));
  expect(await undo(work, { blocked })).toMatchObject({ remains: [{ message: 'others need it' }] });
  expect(domain.run?.id).toBe(1);
  expect(await undo(work)).toEqual({ remains: [], notes: [] });
  expect(domain.run?.id).toBe(2);
});

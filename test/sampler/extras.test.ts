import { expect, test } from 'vitest';
import { DomainState, PausedReason } from '../../libvirt/constants.ts';
import { ParamType } from '../../libvirt/typed-params.ts';
import type { GroupName } from '../../model/catalogue/catalogue.ts';
import { Background } from '../../sampler/background-read.ts';
import { type Answered, Extras } from '../../sampler/extras.ts';
import { Snapshots } from '../../sampler/snapshots.ts';
import { DOMAIN, fakeConnection, fakeEvents, settled } from './fake-connection.ts';

const GROUPS = new Set<GroupName>(['job', 'snapshot', 'events']);
const NOBODY = { hasSnapshot: false, control: undefined };
const extrasOf = (groups = GROUPS, snapshots?: Snapshots): Extras => new Extras({ groups, snapshots });
const job = (operation: number) => [
  { field: 'operation', type: ParamType.int, value: operation },
  { field: 'time_elapsed', type: ParamType.ullong, value: 1_500 },
];
const NONE = { type: 0, params: [] };
const ANSWERED: Answered = { state: DomainState.running, reason: 1, control: undefined };

test('one domain in ten is asked for a job in each tick, and one with a job in every tick', async () => {
  const extras = extrasOf();
  const due = (): number =>
    Array.from({ length: 100 }, (_, n) => extras.isJobDue(DOMAIN, n, ANSWERED)).filter(Boolean).length;
  expect(due()).toBe(10);
  await extras.readJob(DOMAIN, async () => ({ type: 2, params: job(5) }));
  expect(due()).toBe(100);
  expect(extrasOf(new Set()).isJobDue(DOMAIN, 0, ANSWERED)).toBe(false);
});

test('a domain is asked for its job at once where libvirt’s link to it or its pause shows one', () => {
  const extras = extrasOf();
  const due = (over: Partial<Answered>): boolean => extras.isJobDue(DOMAIN, 1, { ...ANSWERED, ...over });
  const { paused } = DomainState;
  expect(due({})).toBe(false);
  expect(due({ control: { state: 'job', sinceMs: 1 } })).toBe(true);
  expect(due({ control: { state: 'occupied', sinceMs: 1 } })).toBe(false);
  expect(due({ state: paused, reason: PausedReason.migration })).toBe(true);
  expect(due({ state: paused, reason: PausedReason.dump })).toBe(true);
  expect(due({ state: paused, reason: PausedReason.user })).toBe(false);
});

test('a job is reported while it runs, and with its result, which stays available to the next client', async () => {
  const extras = extrasOf();
  const read = async () => extras.read(DOMAIN, NOBODY).job;
  await extras.readJob(DOMAIN, async () => ({ type: 2, params: job(2) }));
  expect(await read()).toMatchObject({ operation: 'save', active: true, success: undefined });
  const flagsAsked: number[] = [];
  await extras.readJob(DOMAIN, async (flags) => {
    flagsAsked.push(flags);
    const ended = [...job(2), { field: 'success', type: ParamType.boolean, value: true }];
    return flags === 0 ? NONE : { type: 3, params: ended };
  });
  expect(flagsAsked).toEqual([0, 1 | 2]);
  expect(await read()).toMatchObject({ operation: 'save', active: false, success: true });
  expect((await read())?.figures.get('time_elapsed')).toBe(1_500);
});

test('a save ends with its domain, which is asked how it ended and not for a job that runs', async () => {
  const extras = extrasOf();
  const stopped = { ...DOMAIN, id: -1 };
  await extras.readJob(DOMAIN, async () => ({ type: 2, params: job(2) }));
  expect(extras.isJobDue(stopped, 0, ANSWERED)).toBe(true);
  const flagsAsked: number[] = [];
  await extras.readJob(stopped, async (flags) => {
    flagsAsked.push(flags);
    return { type: 3, params: job(2) };
  });
  expect(flagsAsked).toEqual([1 | 2]);
  expect(extras.read(stopped, NOBODY).job).toMatchObject({
    operation: 'save',
    active: false,
  });
});

test('a job that ended without a result is not reported as running; a missing answer changes nothing', async () => {
  const extras = extrasOf();
  await extras.readJob(DOMAIN, async () => ({ type: 2, params: job(5) }));
  await extras.readJob(DOMAIN, async () => undefined);
  expect(extras.read(DOMAIN, NOBODY).job?.active).toBe(true);
  await extras.readJob(DOMAIN, async () => NONE);
  expect(extras.read(DOMAIN, NOBODY).job).toBeUndefined();
});

test('events are counted by domain, a migration is reported as its event says, and a domain that is gone is forgotten', async () => {
  const extras = extrasOf();
  const { control, emit } = fakeEvents();
  extras.watch(control);
  emit('ioError', { domain: DOMAIN });
  emit('ioError', { domain: DOMAIN });
  emit('jobCompleted', { domain: DOMAIN, params: job(5) });
  const known = extras.read(DOMAIN, NOBODY);
  expect(Object.fromEntries(known.events ?? [])).toMatchObject({
    ioError: 2,
    jobCompleted: 1,
    // Watched but not seen yet: a series that starts above 0 would not show its first increase.
    watchdog: 0,
  });
  expect(known.job).toMatchObject({ operation: 'migration_out', active: false });
  extras.startTick(new Set());
  expect(extras.read(DOMAIN, NOBODY).events?.get('ioError')).toBe(0);
});

test('snapshots are counted again each minute, and the XML of each is read once, of the oldest each time', async () => {
  let nowMs = 0;
  let names = ['a', 'b'];
  const { ask, asked } = fakeConnection({
    domainListAllSnapshots: () => ({
      snapshots: names.map((name) => ({ name, domain: DOMAIN })),
      count: names.length,
    }),
    domainSnapshotGetXmlDesc: ({ snapshot }) => ({
      xml: `<domainsnapshot><creationTime>${snapshot.name === 'a' ? 900 : 500}</creationTime><domain><metadata><creationTime>1</creationTime><is not parsed</metadata></domain></domainsnapshot>`,
    }),
  });
  const background = new Background();
  const extras = extrasOf(GROUPS, new Snapshots({ ask, background, steadyMs: () => nowMs }));
  const read = async () => {
    extras.startSnapshots([DOMAIN]);
    await settled(background);
    return extras.read(DOMAIN, { ...NOBODY, hasSnapshot: true }).snapshots;
  };
  expect(await read()).toEqual({ count: 2, oldestAtSeconds: 500 });
  names = ['a'];
  expect(await read()).toEqual({ count: 2, oldestAtSeconds: 500 });
  nowMs = 60_000;
  expect(await read()).toEqual({ count: 1, oldestAtSeconds: 900 });
  expect(asked.filter((name) => name === 'domainSnapshotGetXmlDesc')).toHaveLength(3);
  expect(extras.read(DOMAIN, NOBODY).snapshots).toBeUndefined();
});

test('a snapshot that is made again under its name is as old as the new one', async () => {
  let nowMs = 0;
  let made: Readonly<Record<string, number>> = { daily: 500, weekly: 700 };
  const { ask } = fakeConnection({
    domainListAllSnapshots: () => ({
      snapshots: Object.keys(made).map((name) => ({ name, domain: DOMAIN })),
      count: 2,
    }),
    domainSnapshotGetXmlDesc: ({ snapshot }) => ({
      xml: `<domainsnapshot><creationTime>${made[snapshot.name]}</creationTime><domain/></domainsnapshot>`,
    }),
  });
  const background = new Background();
  const extras = extrasOf(GROUPS, new Snapshots({ ask, background, steadyMs: () => nowMs }));
  const oldestAfter = async (ms: number) => {
    nowMs += ms;
    extras.startSnapshots([DOMAIN]);
    await settled(background);
    return extras.read(DOMAIN, { ...NOBODY, hasSnapshot: true }).snapshots?.oldestAtSeconds;
  };
  expect(await oldestAfter(0)).toBe(500);
  made = { daily: 87_000, weekly: 700 };
  expect(await oldestAfter(60_000)).toBe(700);
  // Both were made between two reads.
  made = { daily: 173_000, weekly: 175_000 };
  expect(await oldestAfter(60_000)).toBe(173_000);
  // A day later, without a read in between: domains without snapshots are not read.
  made = { daily: 260_000 };
  expect(await oldestAfter(86_400_000)).toBe(260_000);
});

test("libvirt's link to QEMU is written with the group of events, and not without it", async () => {
  const control = { state: 'occupied', sinceMs: 7_000 } as const;
  const read = (extras: Extras) => extras.read(DOMAIN, { ...NOBODY, control });
  expect((await read(extrasOf())).control).toEqual(control);
  expect((await read(extrasOf(new Set()))).control).toBeUndefined();
});

test('a domain that an I/O error has stopped is asked which disks failed, until it is resumed', async () => {
  const extras = extrasOf(new Set<GroupName>(['devices']));
  const failed = async () => extras.read(DOMAIN, NOBODY).diskErrors;
  expect(extras.areDiskErrorsDue(DOMAIN, { state: 1, reason: 1 })).toBe(false);
  expect(extras.areDiskErrorsDue(DOMAIN, { state: 3, reason: 1 })).toBe(false);
  expect(extras.areDiskErrorsDue(DOMAIN, { state: 3, reason: 5 })).toBe(true);
  await extras.readDiskErrors(DOMAIN, async () => ({
    errors: [
      { disk: 'vda', error: 2 },
      { disk: 'vdb', error: 0 },
      { disk: 'vdc', error: 77 },
    ],
    count: 3,
  }));
  expect([...((await failed()) ?? [])]).toEqual([
    ['vda', 'no_space'],
    ['vdc', 'unspecified'],
  ]);
  extras.areDiskErrorsDue(DOMAIN, { state: 1, reason: 1 });
  expect(await failed()).toBeUndefined();
  expect(extrasOf(new Set()).areDiskErrorsDue(DOMAIN, { state: 3, reason: 5 })).toBe(false);
});

test('events of VMs that no sample has seen are counted for as many as libvirt lists, whatever event it is, and there is room again after the next sample', () => {
  const extras = extrasOf();
  const { control, emit } = fakeEvents();
  extras.watch(control);
  const vm = (at: number) => ({ name: `vm${at}`, uuid: `uuid-${at}`, id: -1 });
  for (let at = 0; at < 16_384; at++) emit('lifecycle', { domain: vm(at) });
  const [known, late] = [vm(0), vm(99_999)];
  const send = (domain: object): void => {
    emit('jobCompleted', { domain, params: job(5) });
    emit('ioError', { domain });
  };
  const counted = (domain: typeof known) => {
    const { job: last, events } = extras.read(domain, NOBODY);
    return { job: last !== undefined, jobs: events?.get('jobCompleted'), errors: events?.get('ioError') };
  };
  send(known);
  send(late);
  expect(counted(known)).toEqual({ job: true, jobs: 1, errors: 1 });
  expect(counted(late)).toEqual({ job: false, jobs: 0, errors: 0 });
  extras.startTick(new Set([late.uuid]));
  send(late);
  expect(counted(late)).toEqual({ job: true, jobs: 1, errors: 1 });
});

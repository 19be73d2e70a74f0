import { expect, test } from 'vitest';
import { ParamType } from '../../../libvirt/typed-params.ts';
import type { HostLink } from '../../../tuner/apply/host-link.ts';
import { checkLiveSetting, LaterChanges } from '../../../tuner/apply/later-changes.ts';
import type { StepProgress } from '../../../tuner/journal/progress.ts';
import type { JournalHeader } from '../../../tuner/journal/records.ts';
import { liveSettingOf } from '../../../tuner/steps/live-settings/all.ts';
import type { Step, StepDomain, StepOf } from '../../../tuner/steps/step.ts';
import { domainOf } from './fixtures.ts';

const AT = '2026-02-01T00:00:00.000Z';
const LATER = '2026-02-01T00:00:01.000Z';
const EARLIER = '2026-01-31T00:00:00.000Z';
const MIB_2 = 2_048;

const [A, B] = [domainOf('a'), domainOf('b')];

interface Guest {
  /** Pages of 2 MiB of cell 0 that it holds, and boots with. */
  readonly pages?: number;
  readonly mark?: { readonly at: string; readonly id: string };
  readonly runs?: boolean;
}

function xmlOf({ name, uuid }: StepDomain, { pages = 0, mark }: Guest): string {
  const marked =
    mark === undefined
      ? ''
      : `<metadata><t:tuned xmlns:t='https://virtune.dev/xmlns/tuner/1' profile='dense' version='v' at='${mark.at}' id='${mark.id}'/></metadata>`;
  const backing =
    pages === 0
      ? ''
      : `<numatune><memory mode='strict' nodeset='0'/></numatune><memoryBacking><hugepages><page size='2' unit='MiB'/></hugepages></memoryBacking>`;
  return `<domain type='kvm'><name>${name}</name><uuid>${uuid}</uuid>${marked}<memory unit='MiB'>${pages === 0 ? 64 : 2 * pages}</memory><vcpu>2</vcpu>${backing}</domain>`;
}

/** A host whose cell 0 has a pool of `total` pages of 2 MiB, `free` of them free. */
function linkTo(
  guests: readonly (readonly [StepDomain, Guest])[],
  { total, free }: { readonly total: number; readonly free: number } = { total: 0, free: 0 },
): HostLink {
  const answers: Record<string, (args: { domain: StepDomain }) => unknown> = {
    connectListAllDomains: () => ({
      domains: guests.map(([domain, { runs }]) => ({ ...domain, id: runs === true ? 1 : -1 })),
    }),
    domainIsPersistent: () => ({ persistent: true }),
    domainGetXmlDesc: ({ domain }) => {
      const [, guest = {}] = guests.find(([{ uuid }]) => uuid === domain.uuid) ?? [];
      return { xml: xmlOf(domain, guest) };
    },
    connectGetCapabilities: () => ({
      xml: `<capabilities><host><topology><cells num='1'><cell id='0'><pages unit='KiB' size='2048'>${total}</pages></cell></cells></topology></host></capabilities>`,
    }),
    connectGetHostname: () => ({ hostname: 'kvm1' }),
    connectGetLibVersion: () => ({ version: 9_000_000n }),
    connectGetVersion: () => ({ version: 7_000_000n }),
    nodeGetFreePages: () => ({ counts: [BigInt(free)] }),
  };
  const call = async (name: string, args: unknown): Promise<unknown> => {
    const answer = answers[name];
    if (answer === undefined) throw new Error(`${name} is not supported`);
    return answer(args as { domain: StepDomain });
  };
  return { reader: { readOnly: true, call }, local: undefined } as unknown as HostLink;
}

/** Header of a transaction that tunes `a`. */
const headerOf = (before: { readonly live?: string; readonly inactive?: string } = {}): JournalHeader =>
  ({
    id: 'T1-0001',
    at: AT,
    uri: 'test:///',
    domains: [{ domain: A, ...before }],
  }) as unknown as JournalHeader;

const pin = (domain: StepDomain): Step => ({ kind: 'vcpuPin', domain, vcpu: 0, to: '4' });
const sharesOf = (value: number) => [{ field: 'cpu_shares', type: ParamType.ullong, value: String(value) }];
const shares: Step = { kind: 'scheduler', domain: A, to: sharesOf(2_048) };
const pages: StepOf<'hostPages'> = { kind: 'hostPages', cell: 0, sizeKiB: MIB_2, to: 64 };

/** The refusal of an undo of a step of `a` or the host; undefined if it is allowed. */
async function refused(guest: Guest, step: Step, header = headerOf()): Promise<string | undefined> {
  const changes = await LaterChanges.since(
    linkTo([
      [A, guest],
      [B, {}],
    ]),
    header,
  );
  try {
    changes.checkDomain(step);
    return undefined;
  } catch (error) {
    expect(error).toMatchObject({ code: 'TUNE_CHANGED' });
    return (error as Error).message;
  }
}

test('a VM that another transaction has tuned since is not undone, and neither is the host', async () => {
  const guest = { mark: { at: LATER, id: 'T2' } };
  const text =
    'transaction T2 has since tuned domain "a" (profile dense, 2026-02-01T00:00:01.000Z), perhaps from another state folder; roll that transaction back first (virtune tune rollback T2), or use --force to roll back all of this one anyway';
  expect(await refused(guest, pin(A))).toBe(text);
  expect(await refused(guest, pages)).toBe(text);
  expect(await refused(guest, pin(B))).toBeUndefined();
});

test.each<[string, Guest]>([
  ['no transaction has tuned', {}],
  ['was tuned before', { mark: { at: EARLIER, id: 'T0' } }],
  ['was tuned at the same time', { mark: { at: AT, id: 'T0' } }],
  ['this transaction has tuned', { mark: { at: LATER, id: 'T1' } }],
])('a VM that %s is undone', async (_, guest) => {
  expect(await refused(guest, pin(A))).toBeUndefined();
  expect(await refused(guest, pages)).toBeUndefined();
});

test('a mark that the VM had before is not one of a later transaction, whatever its clock said', async () => {
  const guest = { mark: { at: LATER, id: 'T0' } };
  const xml = xmlOf(A, guest);
  expect(await refused(guest, pin(A), headerOf({ inactive: xml }))).toBeUndefined();
  expect(await refused(guest, pin(A), headerOf({ live: xml }))).toBeUndefined();
  expect(await refused(guest, pin(A), headerOf({ live: xml, inactive: xmlOf(A, {}) }))).toMatch(/T0/);
});

const done = (was: unknown, now: unknown): StepProgress & { kind: 'done' } => ({
  kind: 'done',
  was,
  run: 1,
  now,
  proof: [],
});
const doing = (was: unknown): StepProgress & { kind: 'doing' } => ({ kind: 'doing', was, run: 1 });
const undoing = (before: ReturnType<typeof done | typeof doing>): StepProgress & { kind: 'undoing' } => ({
  kind: 'undoing',
  to: before.was,
  before,
  error: undefined,
});

test.each<[string, Step, Parameters<typeof checkLiveSetting>[2], unknown, boolean]>([
  ['holds what was set', pages, done(16, 60), 60, true],
  ['holds what was there before', pages, done(16, 60), 16, true],
  ['holds what others have set', pages, done(16, 60), 64, false],
  ['holds what others have set', pages, done(16, 60), 20, false],
  ['has grown part of the way', pages, doing(16), 20, true],
  ['has grown all of the way', pages, doing(16), 64, true],
  ['has grown beyond its target', pages, doing(16), 65, false],
  ['has shrunk instead of growing', pages, doing(16), 15, false],
  ['has shrunk part of the way', pages, doing(80), 70, true],
  ['has shrunk beyond its target', pages, doing(80), 63, false],
  ['is undone in part', pages, undoing(done(16, 60)), 30, true],
  ['is undone completely', pages, undoing(done(16, 60)), 16, true],
  ['holds what others have set during the undo', pages, undoing(done(16, 60)), 61, false],
  [
    'holds what others have set, with a value that is not a valid state',
    pin(A),
    done('0-7', '4'),
    '5',
    false,
  ],
  ['may have been set by a call with an unknown end', pin(A), doing('0-7'), '4', true],
  ['holds pins that a call with an unknown end did not set', pin(A), doing('0-7'), '5', false],
  ['holds pins that an interrupted undo did not set', pin(A), undoing(done('0-7', '4')), '5', false],
  [
    'may have been set in part by a call with an unknown end',
    shares,
    doing(sharesOf(1024)),
    sharesOf(512),
    true,
  ],
])('a live setting that %s', (_, step, progress, now, goesBack) => {
  const check = (): void => checkLiveSetting(step, liveSettingOf(step), progress, now);
  if (goesBack) expect(check).not.toThrow();
  else
    expect(check).toThrow(
      expect.objectContaining({
        code: 'TUNE_CHANGED',
        message: expect.stringMatching(
          /^something else has changed it since: it is .*; review the change, then use --force to overwrite it$/,
        ),
      }),
    );
});

/** The refusal to shrink a pool to that many pages. */
async function poolRefused(
  guests: readonly (readonly [StepDomain, Guest])[],
  pool: { readonly total: number; readonly free: number },
  to: number,
  step: StepOf<'hostPages'> = pages,
): Promise<string | undefined> {
  const changes = await LaterChanges.since(linkTo(guests, pool), headerOf());
  try {
    await changes.checkPool(step, to);
    return undefined;
  } catch (error) {
    expect(error).toMatchObject({ code: 'TUNE_CHANGED' });
    return (error as Error).message;
  }
}
const byOthers = { at: LATER, id: 'T2' };

test('a pool does not shrink below the pages that the next boot of a VM tuned since needs', async () => {
  const guests = [[B, { pages: 50, mark: byOthers }]] as const;
  expect(await poolRefused(guests, { total: 100, free: 100 }, 50)).toBeUndefined();
  expect(await poolRefused(guests, { total: 100, free: 100 }, 20)).toBe(
    'with 20 pages of 2048 KiB in cell 0, 30 would be missing at the next boot of "b"; roll back the changes to it first, or use --force to shrink the pool anyway',
  );
  const two = [...guests, [domainOf('c'), { pages: 10, mark: { at: EARLIER, id: 'T1' } }]] as const;
  expect(await poolRefused(two, { total: 100, free: 100 }, 20)).toBe(
    'with 20 pages of 2048 KiB in cell 0, 40 would be missing at the next boot of "b" or "c"; roll back the changes to them first, or use --force to shrink the pool anyway',
  );
});

test('pages that were missing before are not counted against the pool', async () => {
  const guests = [[B, { pages: 50, mark: byOthers }]] as const;
  expect(await poolRefused(guests, { total: 40, free: 40 }, 40)).toBeUndefined();
  expect(await poolRefused(guests, { total: 40, free: 40 }, 39)).toMatch(/, 1 would be missing/);
});

test.each<[string, StepDomain, Guest['mark']]>([
  ['no transaction has tuned', B, undefined],
  ['was tuned before', B, { at: EARLIER, id: 'T0' }],
  ['was tuned at the same time', B, { at: AT, id: 'T0' }],
  ['is of the transaction', A, byOthers],
])('a VM that %s does not block a pool', async (_, domain, mark) => {
  const guest = mark === undefined ? { pages: 50 } : { pages: 50, mark };
  expect(await poolRefused([[domain, guest]], { total: 100, free: 100 }, 0)).toBeUndefined();
});

test('pages that VMs of the transaction hold are released first', async () => {
  const guests = [
    [A, { pages: 60, runs: true }],
    [B, { pages: 30, mark: byOthers }],
  ] as const;
  // 60 of 100 are in use, all by a: then 40 are left.
  expect(await poolRefused(guests, { total: 100, free: 40 }, 40)).toBeUndefined();
  expect(await poolRefused(guests, { total: 100, free: 40 }, 20)).toMatch(/, 10 would be missing/);
});

test('pages in use by others that the smaller pool lacks are missing as well', async () => {
  const guests = [[B, { pages: 30, mark: byOthers, runs: true }]] as const;
  // b runs on 30 pages; those stay in use, and are gone once it stops.
  expect(await poolRefused(guests, { total: 100, free: 70 }, 30)).toBeUndefined();
  expect(await poolRefused(guests, { total: 100, free: 70 }, 10)).toMatch(
    /, 20 would be missing at the next boot of "b"/,
  );
});

test('a pool that no longer exists loses nothing', async () => {
  const guests = [[B, { pages: 30, mark: byOthers, runs: true }]] as const;
  const step = { ...pages, sizeKiB: 1_048_576 };
  expect(await poolRefused(guests, { total: 100, free: 70 }, 0, step)).toBeUndefined();
});

test('where no VM relies on the pages of a pool, the host is not read again', async () => {
  const link = linkTo([[B, { pages: 50 }]], { total: 100, free: 100 });
  const changes = await LaterChanges.since(link, headerOf());
  Object.assign(link.reader, {
    call: (name: string) => Promise.reject(new Error(`${name} was called`)),
  });
  await changes.checkPool(pages, 0);
});

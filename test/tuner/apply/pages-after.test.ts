import { expect, test } from 'vitest';
import { CpuSet } from '../../../model/cpu-set.ts';
import { checkPagesForBoots, heldIn, type PagesRollback } from '../../../tuner/apply/pages-after.ts';
import type { DomainState, HostFacts } from '../../../tuner/facts/facts.ts';
import { withPool } from '../../../tuner/hugepages/pools.ts';
import { view } from '../plan/fixtures.ts';
import { host, LOCAL } from '../profile/fixtures.ts';
import { uuidOf } from './fixtures.ts';

const MIB_2 = 2_048;
const GIB_1 = 1_048_576;

/** Two cells with 512 free pages each; VMs may only use memory of `memoryCells`. */
function hostWith(memoryCells: string, local: Partial<HostFacts['local']> = {}): HostFacts {
  const of = host();
  const [cell] = of.topology.cells;
  if (cell === undefined) throw new Error('a host without cells');
  return {
    ...of,
    topology: { ...of.topology, cells: [0, 1].map((id) => ({ ...cell, id })) },
    cells: [0, 1].map((id) => ({
      id,
      freeKiB: 64 * GIB_1,
      pages: [
        { sizeKiB: MIB_2, total: 512, free: 512 },
        { sizeKiB: GIB_1, total: 0, free: 0 },
      ],
    })),
    local: { ...LOCAL, ...local, vmMemoryCells: CpuSet.parse(memoryCells) },
  };
}

/** A tuned VM that is off and not bound to a cell; 1 GiB in huge pages of this size. */
const floating = (size = "<page size='2' unit='MiB'/>"): DomainState => ({
  domain: { name: 'pg', uuid: '11111111-2222-4333-8444-555555555555', id: -1 },
  live: undefined,
  inactive: view(`<domain type='kvm'><name>pg</name><memory unit='MiB'>1024</memory><vcpu>2</vcpu>
    <memoryBacking><hugepages>${size}</hugepages></memoryBacking>
    <metadata><t:tuned xmlns:t='https://virtune.dev/xmlns/tuner/1' profile='p' version='v' at='2026-01-01T00:00:00Z' id='x'/></metadata></domain>`),
  capabilities: undefined,
});

/** Running and defined with pages of 2 MiB or 1 GiB, from this cell or any. */
function runningWith(name: string, memoryMiB: number, size: '2M' | '1G', cell?: number): DomainState {
  const page = size === '2M' ? "<page size='2' unit='MiB'/>" : "<page size='1' unit='GiB'/>";
  const bound = cell === undefined ? '' : `<numatune><memory mode='strict' nodeset='${cell}'/></numatune>`;
  const uuid = uuidOf(name);
  const seen = view(`<domain type='kvm'><name>${name}</name><uuid>${uuid}</uuid>
    <memory unit='MiB'>${memoryMiB}</memory><vcpu>2</vcpu>${bound}
    <memoryBacking><hugepages>${page}</hugepages></memoryBacking></domain>`);
  return { domain: { name, uuid, id: 1 }, live: seen, inactive: seen, capabilities: undefined };
}

/** The same host with pools of these sizes, by cell. */
function withPools(pools: readonly (readonly { sizeKiB: number; total: number; free: number }[])[]) {
  const of = hostWith('0-1');
  return { ...of, cells: of.cells.map((cell) => ({ ...cell, pages: pools[cell.id] ?? [] })) };
}

/** A rollback that empties the pool of this cell. */
const emptied = (cell: number, after: readonly DomainState[]): PagesRollback => ({
  id: '20260101T000000Z-aaaaaa',
  restarts: true,
  after,
  redefined: new Set(),
  shrinks: [{ step: { kind: 'hostPages', cell, sizeKiB: MIB_2, to: 512 }, to: 0 }],
});

test('pages of a cell that a VM’s control group forbids are not counted for its next boot', () => {
  const domains = [floating()];
  // With both cells allowed, the other one has enough.
  expect(() => checkPagesForBoots({ host: hostWith('0-1'), domains }, emptied(1, domains))).not.toThrow();
  expect(() => checkPagesForBoots({ host: hostWith('1'), domains }, emptied(0, domains))).not.toThrow();
  expect(() => checkPagesForBoots({ host: hostWith('1'), domains }, emptied(1, domains))).toThrow(
    /512 huge pages would be missing at the next boot of "pg"/,
  );
});

test('huge pages without a size are of the size that the kernel uses by default', () => {
  const domains = [floating('')];
  const large = hostWith('1', { defaultPageKiB: GIB_1 });
  expect(() => checkPagesForBoots({ host: large, domains }, emptied(1, domains))).not.toThrow();
  const small = hostWith('1', { defaultPageKiB: MIB_2 });
  expect(() => checkPagesForBoots({ host: small, domains }, emptied(1, domains))).toThrow(/512 huge pages/);
});

test('huge pages of a memory device count for the next boot, also where the guest itself has none', () => {
  const plain = floating();
  const device = `<cpu><numa><cell id='0' cpus='0-1' memory='512' unit='MiB'/></numa></cpu><devices><memory model='dimm'>
    <source><pagesize unit='MiB'>2</pagesize></source><target><size unit='MiB'>512</size><node>0</node></target></memory></devices>`;
  const xml = (plain.inactive?.xml ?? '').replace(/<memoryBacking>.*<\/memoryBacking>/, device);
  const domains = [{ ...plain, inactive: view(xml) }];
  expect(() => checkPagesForBoots({ host: hostWith('0-1'), domains }, emptied(1, domains))).not.toThrow();
  expect(() => checkPagesForBoots({ host: hostWith('1'), domains }, emptied(1, domains))).toThrow(
    /256 huge pages would be missing at the next boot of "pg"/,
  );
});

test('a pool that cannot shrink yet names who holds pages of it, not who holds others', () => {
  const of = withPools([
    [
      { sizeKiB: MIB_2, total: 512, free: 0 },
      { sizeKiB: GIB_1, total: 4, free: 3 },
    ],
    [{ sizeKiB: MIB_2, total: 512, free: 0 }],
  ]);
  const small = runningWith('a', 1_024, '2M', 0);
  const large = runningWith('b', 1_024, '1G', 0);
  const elsewhere = runningWith('c', 1_024, '2M', 1);
  const domains = [small, large, elsewhere];
  const redefined = new Set(domains.map(({ domain }) => domain.uuid));
  expect(() =>
    checkPagesForBoots({ host: of, domains }, { ...emptied(0, domains), redefined, restarts: false }),
  ).toThrow(/512 of them are in use until the next boot of "a";/);
});

test('two VMs that are not bound to a cell each release separate pages', () => {
  // In cell 0 the bound VM has 100 pages and one of the two others has 100; the other one has those of cell 1.
  const of = withPools([
    [{ sizeKiB: MIB_2, total: 200, free: 0 }],
    [{ sizeKiB: MIB_2, total: 100, free: 0 }],
  ]);
  const bound = runningWith('a', 200, '2M', 0);
  const two = [runningWith('b', 200, '2M'), runningWith('c', 200, '2M')];
  const off = two.map(
    (state): DomainState => ({
      ...state,
      live: undefined,
      inactive: view('<domain><name>x</name><memory>1</memory></domain>'),
    }),
  );
  const redefined = new Set(two.map(({ domain }) => domain.uuid));
  const domains = [bound, ...two];
  const shrinkTo = (cell: number, to: number): PagesRollback => ({
    ...emptied(cell, [bound, ...off]),
    redefined,
    shrinks: [{ step: { kind: 'hostPages', cell, sizeKiB: MIB_2, to: 200 }, to }],
  });
  expect(() => checkPagesForBoots({ host: of, domains }, shrinkTo(1, 0))).not.toThrow();
  expect(() => checkPagesForBoots({ host: of, domains }, shrinkTo(0, 100))).not.toThrow();
  expect(() => checkPagesForBoots({ host: of, domains }, shrinkTo(0, 99))).toThrow(
    /other VMs use 100 of them now/,
  );
});

interface Guest {
  /** Pages of 2 MiB. */
  readonly holds?: number;
  /** Pages at its next boot; absent: as many as it holds. */
  readonly wants?: number;
  readonly numa?: string;
  readonly tuned?: boolean;
}
const strict = (cells: string): string => `<numatune><memory mode='strict' nodeset='${cells}'/></numatune>`;
const prefers = (cells: string): string =>
  `<numatune><memory mode='preferred' nodeset='${cells}'/></numatune>`;

/** A VM that holds pages while it runs. */
function guest(name: string, { holds = 0, wants = holds, numa = '', tuned = false }: Guest): DomainState {
  const uuid = uuidOf(name);
  const mark = `<metadata><t:tuned xmlns:t='https://virtune.dev/xmlns/tuner/1' profile='p' version='v' at='2026-01-01T00:00:00Z' id='x'/></metadata>`;
  const with2M = (pages: number) => {
    const backing = "<memoryBacking><hugepages><page size='2' unit='MiB'/></hugepages></memoryBacking>";
    return view(`<domain type='kvm'><name>${name}</name><uuid>${uuid}</uuid>${tuned ? mark : ''}
      <memory unit='MiB'>${pages === 0 ? 64 : 2 * pages}</memory><vcpu>2</vcpu>${numa}${pages === 0 ? '' : backing}</domain>`);
  };
  const live = holds === 0 ? undefined : with2M(holds);
  return { domain: { name, uuid, id: 1 }, live, inactive: with2M(wants), capabilities: undefined };
}

/** Cells whose pools of 2 MiB have so many pages in total, and so many free. */
function cellsOf(...pools: readonly (readonly [total: number, free: number])[]): HostFacts {
  const of = hostWith(`0-${pools.length - 1}`);
  const [cell] = of.topology.cells;
  if (cell === undefined) throw new Error('a host without cells');
  return {
    ...of,
    topology: { ...of.topology, cells: pools.map((_, id) => ({ ...cell, id })) },
    cells: pools.map(([total, free], id) => ({
      id,
      freeKiB: 64 * GIB_1,
      pages: [
        { sizeKiB: 4, total: 1_000, free: 10 },
        { sizeKiB: MIB_2, total, free },
      ],
    })),
  };
}

interface Rollback {
  /** Domains whose definition is rolled back. */
  readonly own?: readonly DomainState[];
  readonly after?: readonly DomainState[];
  readonly restarts?: boolean;
  readonly sizeKiB?: number;
}

/** The refusal of a rollback that shrinks the pool of a cell; `after`: the domains afterwards, unchanged by default. */
function shrunk(
  of: HostFacts,
  domains: readonly DomainState[],
  [cell, to]: readonly [cell: number, to: number],
  { own = [], after = domains, restarts = true, sizeKiB = MIB_2 }: Rollback = {},
): string {
  try {
    checkPagesForBoots(
      { host: of, domains },
      {
        id: 'T1',
        restarts,
        after,
        redefined: new Set(own.map(({ domain }) => domain.uuid)),
        shrinks: [{ step: { kind: 'hostPages', cell, sizeKiB, to: 999 }, to }],
      },
    );
    return 'fine';
  } catch (error) {
    expect(error).toMatchObject({ code: 'TUNE_CHANGED' });
    return (error as Error).message;
  }
}
/** The same VM, off and without huge pages. */
const plain = ({ domain }: DomainState): DomainState => guest(domain.name, {});

test('a resized pool has as many free pages as are left of it, and other pools are unchanged', () => {
  const of = cellsOf([100, 10], [100, 10]);
  const pools = (to: number, returned: number) =>
    withPool(of.cells, { cell: 1, sizeKiB: MIB_2, to, returned }).map(({ pages }) => pages);
  const [first, second] = of.cells.map(({ pages }) => pages);
  const then = (total: number, free: number) => [first, [second?.[0], { sizeKiB: MIB_2, total, free }]];
  expect(pools(120, 20)).toEqual(then(120, 50));
  expect(pools(95, 0)).toEqual(then(95, 5));
  expect(pools(95, 20)).toEqual(then(95, 25));
  expect(pools(40, 20)).toEqual(then(40, 0));
});

test('pages of a pool that domains hold are those of domains that are bound to its cell', () => {
  const domains = [guest('a', { holds: 30, numa: strict('1') }), guest('b', { holds: 20 })];
  const of = cellsOf([100, 80], [100, 70]);
  expect([0, 1].map((cell) => heldIn(of, domains, cell, MIB_2))).toEqual([0, 30]);
  expect(heldIn(of, domains, 1, GIB_1)).toBe(0);
});

test('where no VM has huge pages, pages in use do not cause a refusal', () => {
  expect(shrunk(cellsOf([100, 0]), [guest('a', {})], [0, 0])).toBe('fine');
});

test('a pool that no longer exists blocks nothing', () => {
  const a = guest('a', { holds: 10, numa: strict('0') });
  for (const restarts of [true, false])
    expect(
      shrunk(cellsOf([100, 90]), [a], [0, 0], { own: [a], after: [plain(a)], sizeKiB: GIB_1, restarts }),
    ).toBe('fine');
});

test('a pool that other VMs use cannot shrink below what they use', () => {
  const [a, b] = [guest('a', { holds: 30, numa: strict('0') }), guest('b', { holds: 50, numa: strict('0') })];
  const to = (pages: number): string =>
    shrunk(cellsOf([100, 20]), [a, b], [0, pages], { own: [a], after: [plain(a), b] });
  expect(to(50)).toBe('fine');
  expect(to(49)).toBe(
    'cell 0 cannot return to 49 pages of 2048 KiB: other VMs use 50 of them now; roll back the changes to these VMs first, or use --force to roll back this transaction anyway',
  );
});

test('without restarts the VMs of the transaction keep their pages, and those that hold some are named', () => {
  const [a, b] = [guest('a', { holds: 1, numa: strict('0') }), guest('b', { holds: 50, numa: strict('0') })];
  const [off, other] = [
    guest('d', { wants: 10, numa: strict('0') }),
    guest('e', { holds: 40, numa: strict('0') }),
  ];
  const to = (pages: number): string =>
    shrunk(cellsOf([100, 9]), [a, b, off, other], [0, pages], {
      own: [a, b, off],
      after: [plain(a), plain(b), plain(off), other],
      restarts: false,
    });
  expect(to(91)).toBe('fine');
  expect(to(90)).toBe(
    'transaction T1 cannot be rolled back now, and nothing was changed: cell 0 cannot return to 90 pages of 2048 KiB: 91 of them are in use until the next boot of "a" and "b"; restart now (virtune tune rollback T1 --restart), or use --force to restore all but the pool, and virtune tune recover after the boot',
  );
});

test('a VM of the transaction releases its pages before it boots, and then needs all of them', () => {
  const a = guest('a', { holds: 100, numa: strict('0') });
  expect(shrunk(cellsOf([100, 0]), [a], [0, 100], { own: [a] })).toBe('fine');
  expect(shrunk(cellsOf([100, 0]), [a], [0, 50], { own: [a] })).toBe(
    '50 huge pages would be missing at the next boot of "a": later changes use them; roll those back first, or use --force to roll back this transaction anyway',
  );
});

test('another VM that runs has its pages, and needs none of those that the pool loses', () => {
  const b = guest('b', { holds: 100, numa: strict('0'), tuned: true });
  expect(shrunk(cellsOf([150, 50]), [b], [0, 100])).toBe('fine');
});

test('missing pages of an untuned VM are not counted, neither before nor after', () => {
  const by = guest('c', { wants: 100, numa: strict('0') });
  expect(shrunk(cellsOf([100, 100]), [by], [0, 0])).toBe('fine');
  const much = guest('d', { wants: 1_000, numa: strict('0') });
  const tuned = guest('a', { wants: 50, numa: strict('0'), tuned: true });
  const none = guest('b', { tuned: true });
  expect(shrunk(cellsOf([50, 50]), [much, tuned, none], [0, 0])).toMatch(
    /^50 huge pages would be missing at the next boot of "a":/,
  );
});

test('pages that a VM lacks already do not block the change', () => {
  const tuned = guest('a', { wants: 80, numa: strict('0'), tuned: true });
  expect(shrunk(cellsOf([50, 50]), [tuned], [0, 50])).toBe('fine');
  expect(shrunk(cellsOf([50, 50]), [tuned], [0, 49])).toMatch(/^31 huge pages/);
});

test.each<[string, readonly [number, number], Guest, Guest, number]>([
  ['both together have no more', [100, 0], { holds: 60, wants: 10 }, { holds: 60, wants: 10 }, 20],
  ['one has no more', [100, 50], { holds: 60, wants: 10 }, {}, 10],
])('VMs release no more pages than are in use: %s', (_, pool, first, second, wants) => {
  const own = [guest('a', { ...first, numa: strict('0') }), guest('b', { ...second, numa: strict('0') })];
  const c = guest('c', { wants, numa: strict('0'), tuned: true });
  const after = [...own.map(plain), c];
  // Then all free pages leave the pool: none remain for c.
  expect(shrunk(cellsOf(pool), [...own, c], [0, 0], { own, after })).toMatch(
    new RegExp(`^${wants} huge pages would be missing at the next boot of "c"`),
  );
});

test('a VM that is bound to several cells releases pages where no bound VM has those in use', () => {
  const own = guest('a', { holds: 100, numa: strict('0-1') });
  const b = guest('b', { holds: 100, numa: strict('1') });
  const to = (cell: number): string =>
    shrunk(cellsOf([100, 0], [100, 0]), [own, b], [cell, 0], { own: [own], after: [plain(own), b] });
  expect([to(0), to(1)]).toEqual(['fine', expect.stringContaining('other VMs use 100 of them now')]);
});

test('a VM that is bound to one cell releases its pages once', () => {
  const own = guest('a', { holds: 100, numa: strict('0') });
  const b = guest('b', { holds: 100 });
  const to = (pages: number): string =>
    shrunk(cellsOf([200, 0]), [own, b], [0, pages], { own: [own], after: [plain(own), b] });
  expect([to(100), to(99)]).toEqual(['fine', expect.stringContaining('other VMs use 100 of them now')]);
});

test('a VM has no pages in cells that its control group forbids', () => {
  const own = guest('a', { holds: 100, numa: strict('1-2') });
  const other = guest('b', { holds: 100 });
  const to = (cell: number): string =>
    shrunk(cellsOf([100, 0], [60, 0], [0, 0]), [own, other], [cell, 0], {
      own: [own],
      after: [plain(own), other],
    });
  expect([to(0), to(1)]).toEqual([expect.stringContaining('other VMs use 100 of them now'), 'fine']);
});

test('a VM has its pages in the cells that it prefers, and others have theirs elsewhere', () => {
  const own = [guest('a', { holds: 100, numa: prefers('1') }), guest('b', { holds: 10, numa: prefers('0') })];
  const other = guest('c', { holds: 90 });
  const to = (cell: number, pages: number): string =>
    shrunk(cellsOf([100, 0], [100, 0]), [...own, other], [cell, pages], {
      own,
      after: [...own.map(plain), other],
    });
  expect([to(1, 0), to(0, 90)]).toEqual(['fine', 'fine']);
  expect(to(0, 89)).toContain('other VMs use 90 of them now');
});

test('three VMs that are not bound to a cell each release separate pages', () => {
  const own = ['b', 'c', 'd'].map((name) => guest(name, { holds: 100 }));
  const bound = guest('a', { holds: 100, numa: strict('0') });
  const to = (cell: number, pages: number): string =>
    shrunk(cellsOf([300, 0], [100, 0]), [bound, ...own], [cell, pages], {
      own,
      after: [bound, ...own.map(plain)],
    });
  expect([to(0, 100), to(1, 0)]).toEqual(['fine', 'fine']);
  expect(to(0, 99)).toContain('other VMs use 100 of them now');
});

test('pages that no VM accounts for are all released before those of the next cell', () => {
  const own = guest('b', { holds: 100 });
  const [bound, other] = [guest('a', { holds: 100, numa: strict('0') }), guest('c', { holds: 100 })];
  const to = (pages: number): string =>
    shrunk(cellsOf([200, 0], [100, 0]), [bound, own, other], [0, pages], {
      own: [own],
      after: [bound, plain(own), other],
    });
  expect([to(100), to(99)]).toEqual(['fine', expect.stringContaining('other VMs use 100')]);
});

test('where bound VMs account for more than there is, a VM still releases pages, and each only once', () => {
  const own = guest('b', { holds: 100 });
  const bound = [
    guest('a', { holds: 100, numa: strict('0') }),
    guest('c', { holds: 100, numa: strict('1') }),
  ];
  const to = (cell: number): string =>
    shrunk(cellsOf([100, 0], [100, 0]), [...bound, own], [cell, 0], {
      own: [own],
      after: [...bound, plain(own)],
    });
  expect([to(0), to(1)]).toEqual(['fine', expect.stringContaining('other VMs use 100 of them now')]);
});

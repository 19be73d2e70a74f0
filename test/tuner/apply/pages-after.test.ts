import { expect, test } from 'vitest';
import { CpuSet } from '../../../model/cpu-set.ts';
import { checkBoots, type PagesRollback } from '../../../tuner/apply/pages-after.ts';
import type { DomainState, HostFacts } from '../../../tuner/facts/facts.ts';
import { view } from '../plan/fixtures.ts';
import { host, LOCAL } from '../profile/fixtures.ts';

const MIB_2 = 2_048;
const GIB_1 = 1_048_576;

/** Two cells with 512 free pages each, and VMs that may have memory of these cells only. */
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

/** Off, bound to no cell, tuned; 1 GiB in huge pages of this size. */
const floating = (size = "<page size='2' unit='MiB'/>"): DomainState => ({
  domain: { name: 'pg', uuid: '11111111-2222-4333-8444-555555555555', id: -1 },
  live: undefined,
  inactive: view(`<domain type='kvm'><name>pg</name><memory unit='MiB'>1024</memory><vcpu>2</vcpu>
    <memoryBacking><hugepages>${size}</hugepages></memoryBacking>
    <metadata><t:tuned xmlns:t='https://virtune.dev/xmlns/tuner/1' profile='p' version='v' at='2026-01-01T00:00:00Z' id='x'/></metadata></domain>`),
  capabilities: undefined,
});

/** Running and defined with 2 MiB pages or 1 GiB pages, from these cells or any. */
function runningWith(name: string, memoryMiB: number, size: '2M' | '1G', cell?: number): DomainState {
  const page = size === '2M' ? "<page size='2' unit='MiB'/>" : "<page size='1' unit='GiB'/>";
  const bound = cell === undefined ? '' : `<numatune><memory mode='strict' nodeset='${cell}'/></numatune>`;
  const uuid = `11111111-2222-4333-8444-${name.padStart(12, '0')}`;
  const seen = view(`<domain type='kvm'><name>${name}</name><uuid>${uuid}</uuid>
    <memory unit='MiB'>${memoryMiB}</memory><vcpu>2</vcpu>${bound}
    <memoryBacking><hugepages>${page}</hugepages></memoryBacking></domain>`);
  return { domain: { name, uuid, id: 1 }, live: seen, inactive: seen, capabilities: undefined };
}

/** That host with pools of these sizes, by cell. */
function withPools(pools: readonly (readonly { sizeKiB: number; total: number; free: number }[])[]) {
  const of = hostWith('0-1');
  return { ...of, cells: of.cells.map((cell) => ({ ...cell, pages: pools[cell.id] ?? [] })) };
}

/** A pool of this cell goes back to nothing. */
const emptied = (cell: number, after: readonly DomainState[]): PagesRollback => ({
  id: '20260101T000000Z-aaaaaa',
  restarts: true,
  after,
  redefined: new Set(),
  shrinks: [{ step: { kind: 'hostPages', cell, sizeKiB: MIB_2, to: 512 }, to: 0 }],
});

test('pages of a cell that a VM’s control group forbids are not counted for its next boot', () => {
  const domains = [floating()];
  // Both cells: the other one has enough.
  expect(() => checkBoots({ host: hostWith('0-1'), domains }, emptied(1, domains))).not.toThrow();
  expect(() => checkBoots({ host: hostWith('1'), domains }, emptied(0, domains))).not.toThrow();
  expect(() => checkBoots({ host: hostWith('1'), domains }, emptied(1, domains))).toThrow(
    /512 huge pages would be missing at the next boot of "pg"/,
  );
});

test('huge pages without a size are of the size that the kernel uses by default', () => {
  const domains = [floating('')];
  const large = hostWith('1', { defaultPageKiB: GIB_1 });
  expect(() => checkBoots({ host: large, domains }, emptied(1, domains))).not.toThrow();
  const small = hostWith('1', { defaultPageKiB: MIB_2 });
  expect(() => checkBoots({ host: small, domains }, emptied(1, domains))).toThrow(/512 huge pages/);
});

test('huge pages of a memory device count for the next boot, also where the guest itself has none', () => {
  const plain = floating();
  const device = `<cpu><numa><cell id='0' cpus='0-1' memory='512' unit='MiB'/></numa></cpu><devices><memory model='dimm'>
    <source><pagesize unit='MiB'>2</pagesize></source><target><size unit='MiB'>512</size><node>0</node></target></memory></devices>`;
  const xml = (plain.inactive?.xml ?? '').replace(/<memoryBacking>.*<\/memoryBacking>/, device);
  const domains = [{ ...plain, inactive: view(xml) }];
  expect(() => checkBoots({ host: hostWith('0-1'), domains }, emptied(1, domains))).not.toThrow();
  expect(() => checkBoots({ host: hostWith('1'), domains }, emptied(1, domains))).toThrow(
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
    checkBoots({ host: of, domains }, { ...emptied(0, domains), redefined, restarts: false }),
  ).toThrow(/512 of them are in use until the next boot of "a";/);
});

test('two VMs that are not bound to a cell each release separate pages', () => {
  // In cell 0 the bound one has 100 pages, and one of the two has its 100; the other has those of cell 1.
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
  expect(() => checkBoots({ host: of, domains }, shrinkTo(1, 0))).not.toThrow();
  expect(() => checkBoots({ host: of, domains }, shrinkTo(0, 100))).not.toThrow();
  expect(() => checkBoots({ host: of, domains }, shrinkTo(0, 99))).toThrow(/other VMs use 100 of them now/);
});

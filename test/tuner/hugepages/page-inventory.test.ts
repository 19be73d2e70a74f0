import { expect, test } from 'vitest';
import { CpuSet } from '../../../model/cpu-set.ts';
import { parseDomain } from '../../../model/domain/domain.ts';
import { parseXml } from '../../../model/xml.ts';
import type { CellMemory, DomainState, DomainView } from '../../../tuner/facts/facts.ts';
import { growthOf } from '../../../tuner/hugepages/growth.ts';
import { pageInventory } from '../../../tuner/hugepages/page-inventory.ts';
import { permanenceOf, reportPermanence } from '../../../tuner/hugepages/permanent.ts';
import { pageInventoryJson, reportPages } from '../../../tuner/hugepages/report.ts';

const MIB_2 = 2_048;
const GIB_1 = 1_048_576;

/** Cells with pools of 2 MiB pages, some of them free, and further memory. */
function cells(...pools: readonly [free: number, total: number, freeGiB?: number][]): CellMemory[] {
  return pools.map(([free, total, freeGiB = 100], id) => ({
    id,
    freeKiB: freeGiB * GIB_1,
    pages: [
      { sizeKiB: 4, total: 1_000, free: 1_000 },
      { sizeKiB: MIB_2, total, free },
      { sizeKiB: GIB_1, total: 0, free: 0 },
    ],
  }));
}

function xml(memoryMiB: number, size: string | undefined, nodeset: string | undefined, more = ''): string {
  const pages =
    size === undefined
      ? ''
      : `<memoryBacking><hugepages>${size === '' ? '' : `<page ${size}/>`}</hugepages></memoryBacking>`;
  const numa =
    nodeset === undefined ? '' : `<numatune><memory mode='strict' nodeset='${nodeset}'/></numatune>`;
  return `<domain type='kvm'><name>x</name><memory unit='MiB'>${memoryMiB}</memory><vcpu>2</vcpu>${pages}${numa}${more}</domain>`;
}

const HUGE = "size='2' unit='MiB'";

function view(text: string): DomainView {
  return { xml: text, root: parseXml('the test', text, 'domain'), facts: parseDomain(text) };
}

function domain(name: string, inactive: string | undefined, live?: string): DomainState {
  return {
    domain: { name, uuid: '00000000-0000-4000-8000-000000000000', id: live === undefined ? -1 : 1 },
    live: live === undefined ? undefined : view(live),
    inactive: inactive === undefined ? undefined : view(inactive),
    capabilities: undefined,
  };
}

const pool = (inventory: ReturnType<typeof pageInventory>, cell: number) =>
  inventory.pools.find((row) => row.cell === cell && row.sizeKiB === MIB_2);

test('a domain that is off needs its pages where it is bound to', () => {
  const inventory = pageInventory(cells([100, 100], [50, 100]), [domain('a', xml(120, HUGE, '1'))]);
  expect(pool(inventory, 0)).toMatchObject({ needed: 0, missing: 0 });
  expect(pool(inventory, 1)).toMatchObject({ total: 100, free: 50, held: 0, needed: 60, missing: 10 });
});

test('a running domain releases its pages before it boots again', () => {
  const same = xml(120, HUGE, '0');
  const inventory = pageInventory(cells([0, 60]), [domain('a', same, same)]);
  expect(pool(inventory, 0)).toMatchObject({ held: 60, needed: 0, missing: 0 });
  // Only its growth is needed.
  const grown = pageInventory(cells([0, 60]), [domain('a', xml(200, HUGE, '0'), same)]);
  expect(pool(grown, 0)).toMatchObject({ held: 60, needed: 40, missing: 40 });
  // A transient domain does not boot again.
  expect(pool(pageInventory(cells([0, 60]), [domain('a', undefined, same)]), 0)).toMatchObject({
    held: 60,
    needed: 0,
  });
});

test('a domain that is bound elsewhere at its next boot needs all of it there', () => {
  const inventory = pageInventory(cells([0, 60], [20, 100]), [
    domain('a', xml(120, HUGE, '1'), xml(120, HUGE, '0')),
  ]);
  expect(pool(inventory, 0)).toMatchObject({ held: 60, needed: 0 });
  expect(pool(inventory, 1)).toMatchObject({ needed: 60, missing: 40 });
});

test('guest cells take from the host’s cells that each is bound to', () => {
  const split = xml(
    200,
    HUGE,
    undefined,
    `<cpu><numa><cell id='0' cpus='0' memory='80' unit='MiB'/><cell id='1' cpus='1' memory='120' unit='MiB'/></numa></cpu>
     <numatune><memory mode='strict' nodeset='0-1'/><memnode cellid='0' mode='strict' nodeset='0'/><memnode cellid='1' mode='strict' nodeset='1'/></numatune>`,
  );
  const inventory = pageInventory(cells([100, 100], [50, 100]), [domain('a', split)]);
  expect([pool(inventory, 0)?.needed, pool(inventory, 1)?.needed, pool(inventory, 1)?.missing]).toEqual([
    40, 60, 10,
  ]);
});

test('demand for any cell takes what others leave', () => {
  const floating = domain('free', xml(100, HUGE, undefined));
  const bound = domain('bound', xml(100, HUGE, '0'));
  const inventory = pageInventory(cells([50, 50], [30, 50]), [floating, bound]);
  expect(pool(inventory, 0)).toMatchObject({ needed: 50, missing: 0 });
  expect(inventory.shared).toEqual([{ cells: undefined, sizeKiB: MIB_2, held: 0, needed: 50, missing: 20 }]);
});

test('one bound to no cell needs its pages where its control group may use memory', () => {
  const floating = domain('free', xml(100, HUGE, undefined));
  const inventory = pageInventory(cells([50, 50], [30, 50]), [floating], undefined, () => CpuSet.of([1]));
  expect(pool(inventory, 1)).toMatchObject({ needed: 50, missing: 20 });
  expect(inventory.shared).toEqual([]);
});

test('the default size is the host’s, and base pages are not huge pages', () => {
  const inventory = pageInventory(
    cells([0, 0]),
    [domain('a', xml(2_048, '', '0')), domain('b', xml(64, undefined, '0'))],
    GIB_1,
  );
  expect(inventory.pools.map(({ sizeKiB }) => sizeKiB)).toEqual([MIB_2, GIB_1]);
  expect(inventory.pools[1]).toMatchObject({ sizeKiB: GIB_1, needed: 2, missing: 2 });
});

test('pools grow to what is missing, where it is missing, or else where there is room', () => {
  const host = cells([0, 10, 1], [0, 20, 2]);
  const inventory = pageInventory(host, [
    domain('a', xml(100, HUGE, '0')),
    domain('b', xml(1_100, HUGE, undefined)),
  ]);
  const { steps, problems } = growthOf(inventory, host);
  expect(problems).toEqual([]);
  expect(steps).toEqual([
    { kind: 'hostPages', cell: 0, sizeKiB: MIB_2, to: 60 },
    { kind: 'hostPages', cell: 1, sizeKiB: MIB_2, to: 570 },
  ]);
});

test('pages without memory for them are refused with figures, and so is a size that the host does not support', () => {
  const host = cells([0, 0, 1]);
  const tooMuch = pageInventory(host, [domain('a', xml(2_048, HUGE, '0'))]);
  expect(growthOf(tooMuch, host).problems).toEqual([
    expect.objectContaining({
      code: 'NO_MEMORY',
      text: expect.stringMatching(/cell 0: 1024 more pages of 2 MiB need 2 GiB/),
    }),
  ]);
  const odd = pageInventory(host, [domain('a', xml(64, "size='16' unit='MiB'", '0'))]);
  expect(odd.shared).toHaveLength(1);
  expect(growthOf(odd, host).problems).toEqual([expect.objectContaining({ code: 'NO_SUCH_PAGES' })]);
});

test('a domain bound to a missing cell is shown, and lacks its pages', () => {
  const host = cells([50, 50]);
  const inventory = pageInventory(host, [domain('a', xml(64, HUGE, '7'))]);
  expect(inventory.shared).toEqual([expect.objectContaining({ needed: 32, missing: 32 })]);
  expect(growthOf(inventory, host).steps).toEqual([]);
});

test('the table names the domains that lack pages, and no name harms the terminal', () => {
  const inventory = pageInventory(cells([0, 10]), [domain('evil\u001b[2Jname', xml(64, HUGE, '0'))]);
  const lines = reportPages(inventory);
  expect(lines[0]).toMatch(/^cell {2}size +total/);
  expect(lines.at(-1)).toMatch(/^cell 0 lacks 32 pages of 2 MiB, needed by .*name" \(32\)$/);
  expect(lines.join('')).not.toContain('\u001b');
  expect(reportPages(pageInventory(cells([99, 99]), []))).toContain(
    'every defined domain gets its huge pages at its next boot',
  );
});

test('all of it is available as JSON', () => {
  const host = cells([0, 10]);
  const inventory = pageInventory(host, [domain('a', xml(64, HUGE, '0'))]);
  const json = JSON.parse(
    JSON.stringify(pageInventoryJson('kvm1', inventory, growthOf(inventory, host), undefined)),
  );
  expect(json).toMatchObject({
    format: 1,
    host: 'kvm1',
    pools: [{ cell: 0, sizeKiB: MIB_2, total: 10, free: 0, held: 0, needed: 32, missing: 32 }, {}],
    domains: [{ domain: 'a', cells: [0], held: 0, wanted: 32 }],
    growth: { pools: [{ cell: 0, sizeKiB: MIB_2, to: 42 }], problems: [] },
    permanent: null,
  });
});

test('pools outlive a boot by the kernel’s command line, by a unit, and by sysctl where all cells are alike', () => {
  const uneven = permanenceOf(
    [
      { cell: 0, sizeKiB: MIB_2, count: 100 },
      { cell: 1, sizeKiB: MIB_2, count: 50 },
      { cell: 0, sizeKiB: GIB_1, count: 4 },
    ],
    MIB_2,
  );
  expect(uneven?.kernel).toBe('hugepagesz=2M hugepages=0:100,1:50 hugepagesz=1G hugepages=0:4');
  expect(uneven?.sysctl).toBeUndefined();
  expect(uneven?.unit).toContain(
    'echo 50 >/sys/devices/system/node/node1/hugepages/hugepages-2048kB/nr_hugepages',
  );
  const even = permanenceOf(
    [0, 1].map((cell) => ({ cell, sizeKiB: MIB_2, count: 64 })),
    MIB_2,
  );
  expect(even?.sysctl).toBe('vm.nr_hugepages = 128');
  expect(even && reportPermanence(even).join('\n')).toContain('/etc/sysctl.d/50-virtune-hugepages.conf');
  // Spreading pages evenly would give pages to a cell that should have none.
  expect(
    permanenceOf(
      [
        { cell: 0, sizeKiB: MIB_2, count: 64 },
        { cell: 1, sizeKiB: MIB_2, count: 0 },
      ],
      MIB_2,
    )?.sysctl,
  ).toBeUndefined();
  expect(permanenceOf([{ cell: 0, sizeKiB: MIB_2, count: 0 }], MIB_2)).toBeUndefined();
});

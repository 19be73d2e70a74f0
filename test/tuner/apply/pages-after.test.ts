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

import { expect, test } from 'vitest';
import type { DomainState, HostFacts } from '../../../tuner/facts/facts.ts';
import type { Profile } from '../../../tuner/profile/profile.ts';
import { guestXml, host, profileOf, running, state } from '../profile/fixtures.ts';
import { planOn } from './planned.ts';

const MIB_2 = 2_048;

/** Binds the VM with this mode, gives it pages of 2 MiB, and grows pools for them. */
const profile = (mode: string): Profile => ({
  ...profileOf({ 'cpu.pinning': 'cell', 'memory.pages': '2 MiB', 'numa.memory': mode }),
  host: new Map([
    ['hugepages', { value: 'as-needed', why: 'it helps', source: 'a test' }],
  ]) as Profile['host'],
});

/** A VM with pages of 2 MiB and this memory binding; a page without a size has the host's default size. */
const guest = (memoryMiB: number, numatune: string, page = "<page size='2' unit='MiB'/>"): string =>
  guestXml({
    memoryMiB,
    more: `<memoryBacking><hugepages>${page}</hugepages></memoryBacking><numatune>${numatune}</numatune>`,
  });
const bound = (cells: string, mode = 'strict'): string => `<memory mode='${mode}' nodeset='${cells}'/>`;

/** Pools of 4,096 pages with only this many free, and 100 GiB in each cell to grow them from. */
function hostWith(free: number): HostFacts {
  return host({
    cells: [0, 1].map((id) => ({
      id,
      freeKiB: 100 * 1024 ** 2,
      pages: [{ sizeKiB: MIB_2, total: 4_096, free }],
    })),
  });
}

/** Pool sizes for the VM's next boot, by cell. */
async function grownPools(vm: DomainState, free = 0, mode = 'strict'): Promise<Record<number, number>> {
  const plan = await planOn({ host: hostWith(free), domains: [vm] }, { db01: profile(mode) });
  expect(plan.placement.refusals).toEqual([]);
  return Object.fromEntries(
    plan.hostPlan.steps.flatMap((step) => (step.kind === 'hostPages' ? [[step.cell, step.to]] : [])),
  );
}

/** It runs with the first definition, and boots with the second. */
const redefined = (live: string, inactive: string): DomainState =>
  state(inactive, { live: running(live).live });

test('a VM that boots again with as much memory in its cell needs no more pages', async () => {
  expect(await grownPools(running(guest(8_192, bound('0'))))).toEqual({});
  expect(await grownPools(running(guest(8_192, bound('0'), '')))).toEqual({});
});

test('a VM whose definition has more memory than its run needs the difference', async () => {
  const vm = redefined(guest(8_192, bound('0')), guest(16_384, bound('0')));
  expect(await grownPools(vm)).toEqual({ 0: 8_192 });
  expect(await grownPools(vm, 1_000)).toEqual({ 0: 7_192 });
  expect(await grownPools(vm, 4_096)).toEqual({});
});

test('the pages of a VM that is bound to several cells, or only prefers one, count for none of them', async () => {
  expect(await grownPools(running(guest(8_192, bound('0-1'))))).toEqual({ 0: 8_192 });
  expect(await grownPools(running(guest(8_192, bound('0', 'preferred'))))).toEqual({ 0: 8_192 });
});

test('a VM that goes on to prefer its cell needs no more pages', async () => {
  expect(await grownPools(running(guest(8_192, bound('0', 'preferred'))), 0, 'preferred')).toEqual({});
});

test('a VM holds the pages of the guest cells that are bound one by one', async () => {
  const cells = "<cell id='0' cpus='0-7' memory='8388608' unit='KiB'/>";
  const xml = guest(8_192, `${bound('0-1')}<memnode cellid='0' mode='strict' nodeset='0'/>`).replace(
    "<cpu mode='host-passthrough' check='none' migratable='on'/>",
    `<cpu mode='host-passthrough' check='none' migratable='on'><numa>${cells}</numa></cpu>`,
  );
  expect(await grownPools(running(xml))).toEqual({});
});

import { expect, test } from 'vitest';
import type { AdviceKind } from '../../advice/advice.ts';
import { advise } from '../../advice/engine.ts';
import type { HostObservation } from '../../advice/observation.ts';
import { findScenario } from '../../simulator/demo.ts';
import { carryOut } from './scenarios/harm.ts';
import { World } from './world.ts';

/** The problem of each scenario of the demo, and the figure that shows it for the victims. */
const CASES: readonly [
  scenario: string,
  kind: AdviceKind,
  figure: (observation: HostObservation) => number | undefined,
  sick: number,
  calm: number,
][] = [
  ['noisy-neighbour', 'dedicated-cpus-shared', (host) => vm(host, 'pg-orders').steal.median, 0.05, 0.01],
  ['overcommitted', 'cpu-overcommit', (host) => vm(host, 'pg-orders').contention.median, 0.2, 0.05],
  ['io-storm', 'storage-hot-spot', (host) => vm(host, 'pg-orders').disks.get('vdb')?.latencyMs.median, 50, 1],
  ['memory-pressure', 'host-memory-short', (host) => vm(host, 'web-01').guest.swapInKiB.median, 100, 0],
  ['numa-split-database', 'numa-split', (host) => pinnedCells(host, 'pg-orders'), 2, 1],
];

function vm({ vms }: HostObservation, name: string): HostObservation['vms'][number] {
  const found = vms.find((each) => each.name === name);
  if (found === undefined) throw new Error(`no VM ${name}`);
  return found;
}

function pinnedCells(host: HostObservation, name: string): number {
  const cpus = [...(vm(host, name).facts?.cpu.vcpuPins.values() ?? [])].flatMap((pin) => [...pin]);
  return new Set(cpus.map((cpu) => host.cellOf.get(cpu))).size;
}

test.each(CASES)(
  'on the demo %s, %s is the first advice of its kind, and following it cures the VMs',
  async (name, kind, figure, sick, calm) => {
    const world = await World.start(findScenario(name));
    try {
      const before = await world.observe();
      const advice = advise(before, { minSamples: 5 });
      expect(figure(before)).toBeGreaterThanOrEqual(sick);
      const found = advice.filter((each) => each.kind === kind);
      expect(found).toHaveLength(1);
      if (found[0]?.harm !== 0) expect(advice[0]?.kind).toBe(kind);
      const remedy = found[0]?.remedies[0];
      expect(remedy !== undefined && (await carryOut(world, remedy))).toBe(true);
      world.pass(30_000);
      const after = await world.observe();
      expect(figure(after)).toBeLessThanOrEqual(calm);
      expect(advise(after, { minSamples: 5 }).filter((each) => each.kind === kind)).toEqual([]);
    } finally {
      await world.stop();
    }
  },
);

test('nothing on the calm demo hurts a VM', async () => {
  const world = await World.start(findScenario('calm'));
  try {
    expect(advise(await world.observe(), { minSamples: 5 }).filter(({ harm }) => harm > 0)).toEqual([]);
  } finally {
    await world.stop();
  }
});

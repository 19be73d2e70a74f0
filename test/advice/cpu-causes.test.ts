import { expect, test } from 'vitest';
import type { Advice } from '../../advice/advice.ts';
import { adviceFor, startCase } from './scenarios/case.ts';
import { withStats } from './scenarios/counters.ts';
import { Draft, type VmInput } from './scenarios/draft.ts';

const START_MS = Date.parse('2026-03-02T14:00:00Z');

/** Makes each vCPU of a VM wait for this share of the time, regardless of its neighbours. */
function delay(draft: Draft, vm: VmInput, share: number): void {
  draft.augmentVm(vm, (domain, seconds) =>
    withStats(domain, {
      vcpus: (vcpu) => ({ ...vcpu, delayNs: (vcpu.delayNs ?? 0) + share * seconds * 1e9 }),
    }),
  );
}

async function adviceOn(draft: Draft): Promise<Advice[]> {
  const world = await startCase({ draft, truths: [], startMs: START_MS });
  try {
    return await adviceFor(world);
  } finally {
    await world.stop();
  }
}

test('VMs without pins that were seen on dedicated CPUs are named, and no pin of theirs is proposed', async () => {
  const draft = new Draft(1);
  const database = draft.database();
  for (let index = 0; index < draft.cpus / 6; index++) draft.batch();
  delay(draft, database, 0.2);
  const advice = await adviceOn(draft);
  expect(advice).toMatchObject([
    {
      kind: 'dedicated-cpus-shared',
      title: 'CPU 0-3 is dedicated to a VM, and VMs without pins run there too',
      victims: [{ name: database.name }],
      remedies: [],
    },
  ]);
  const names = advice[0]?.culprits.map(({ name }) => name) ?? [];
  expect(names.length).toBeGreaterThan(0);
  expect(names.filter((name) => !name.startsWith('batch-'))).toEqual([]);
});

test('a VM that waits on dedicated CPUs where no other VM ran has an unknown cause', async () => {
  const draft = new Draft(1);
  const database = draft.database();
  delay(draft, database, 0.2);
  expect(await adviceOn(draft)).toMatchObject([
    {
      kind: 'cpu-steal',
      victims: [{ name: database.name }],
      culprits: [],
      cause: expect.stringContaining('unknown'),
    },
  ]);
});

import { join } from 'node:path';
import { expect, test } from 'vitest';
import { ADVICE_KINDS, SIZING_KINDS } from '../../advice/advice.ts';
import { adviceFor, makeCase, reportFor, type Score, score, startCase } from './scenarios/case.ts';
import { FAULTS } from './scenarios/faults.ts';
import { effectsOf } from './scenarios/harm.ts';

/*
 * Hosts drawn by seed: clean ones, and ones with a known fault among harmless oddities and other faults. `npm run bench
 * advice` draws 40 per kind, for the table in docs/advice.md; here is one of each. What is advised on it, with evidence,
 * commands and costs, is in `recorded/`, which notices any change, right or wrong: read it before it is recorded again.
 */

const SEED = 101;
const LOSS_MAX = 0.05;

test('every kind of advice that samples show has a fault that is found by it', () => {
  const bySamples = ADVICE_KINDS.filter((kind) => !SIZING_KINDS.some((each) => each === kind));
  expect(FAULTS.map(({ kind }) => kind).toSorted()).toEqual(bySamples);
});

test.each([1, 2, 3, 4].map((seed) => [seed]))('nothing is advised on clean host %i', async (seed) => {
  const made = makeCase(undefined, SEED + seed);
  const world = await startCase(made);
  try {
    expect(await adviceFor(world)).toEqual([]);
  } finally {
    await world.stop();
  }
});

test('a change that harms another VM is measured as harmful', async () => {
  // A database with a demand of more than half of its CPUs: no single VM can take what it needs below that.
  const made = () => {
    const { draft, ...rest } = makeCase('wide-vm', SEED);
    const index = draft.vms.findIndex(({ workload }) => workload === 'oltp');
    draft.vms.splice(index, 1, { ...(draft.vms[index] as (typeof draft.vms)[number]), load: 2.2 });
    return { ...rest, draft };
  };
  const database = made().draft.vms.find(({ workload }) => workload === 'oltp');
  const world = await startCase(made());
  const { nowMs } = world;
  try {
    const found = (await adviceFor(world)).find(({ kind }) => kind === 'wide-vm');
    const [vm] = found?.victims ?? [];
    if (found === undefined || vm === undefined) throw new Error('there is no advice to spoil');
    // Moves all its vCPUs onto the dedicated CPUs of a database.
    const steps = Array.from({ length: 8 }, (_, vcpu) => ({
      argv: ['virsh', 'vcpupin', vm.name, String(vcpu), database?.pins?.join(',') ?? '', '--live'],
      vm,
    }));
    const remedy = { ...(found.remedies[0] as (typeof found.remedies)[number]), steps, payers: [vm] };
    const seconds = (world.nowMs - nowMs) / 1_000;
    const [effect] = await effectsOf(made, [{ ...found, remedies: [remedy] }], seconds);
    expect(effect?.worstLoss.vm).toBe(database?.name);
    expect(effect?.worstLoss.share).toBeGreaterThan(LOSS_MAX);
  } finally {
    await world.stop();
  }
});

test.each([
  ['cpu-overcommit', 3, 'an idle VM that shares the CPUs of a database is not why that waits'],
] as const)('%s, seed %i: %s', async (kind, seed) => {
  const made = makeCase(kind, seed);
  const world = await startCase(made);
  try {
    expect(score(made.truths, await adviceFor(world), new Map())).toEqual([]);
  } finally {
    await world.stop();
  }
});

test.each(FAULTS.map(({ kind }) => [kind] as const))(
  '%s is found, with what is wrong besides and nothing else, and no change harms another VM',
  async (kind) => {
    const world = await startCase(makeCase(kind, SEED));
    const { nowMs } = world;
    try {
      const { truths } = makeCase(kind, SEED);
      const { advice, text } = await reportFor(world);
      expect(score(truths, advice, new Map<(typeof ADVICE_KINDS)[number], Score>())).toEqual([]);
      await expect(text).toMatchFileSnapshot(join('recorded', `${kind}.txt`));
      const seconds = (world.nowMs - nowMs) / 1_000;
      const effects = await effectsOf(
        () => makeCase(kind, SEED),
        advice.filter((each) => each.kind === kind),
        seconds,
      );
      expect(effects.filter(({ worstLoss }) => worstLoss.share > LOSS_MAX)).toEqual([]);
    } finally {
      await world.stop();
    }
  },
);

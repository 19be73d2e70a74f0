import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { invariants, neighboursOf, violationsOf } from '../../../tuner/invariants/violations.ts';
import { OnSimulator } from '../on-simulator.ts';

/** All violations that would be refused, as domains run and as they are defined. */
async function broken(simulated: OnSimulator): Promise<string[]> {
  const { host: facts, domains } = await simulated.read();
  return domains.flatMap((state) => {
    const others = neighboursOf(
      domains.filter((other) => other !== state),
      facts.topology,
    );
    return [state.live, state.inactive].flatMap((view) =>
      view === undefined
        ? []
        : violationsOf(
            { root: view.root, facts: view.facts, host: facts, hostCpus: undefined, others },
            undefined,
          )
            .filter(({ level }) => level === 'refuse')
            .map(({ code, text }) => `${state.domain.name}: ${code} ${text}`),
    );
  });
}

const HAND_MADE = {
  name: 'hand-made',
  description: 'two VMs',
  host: { sockets: 1, coresPerSocket: 8, memoryGiB: 64 },
  vms: ['mine', 'other'].map((name) => ({ name, workload: 'oltp', vcpus: 2, memoryMiB: 2_048 })),
};

async function withHandMade(change: (xml: string) => string, body: (host: OnSimulator) => Promise<void>) {
  const simulated = await OnSimulator.start(HAND_MADE);
  try {
    simulated.demo.daemon.vm('mine').define(change(simulated.definition('mine')));
    await body(simulated);
  } finally {
    await simulated.stop();
  }
}

const PINNED =
  "<cputune><vcpupin vcpu='0' cpuset='2'/><vcpupin vcpu='1' cpuset='3'/><vcpusched vcpus='0-1' scheduler='fifo' priority='1'/></cputune>";

test('a plan that would leave real-time vCPUs of a hand-made definition without dedicated CPUs is refused', () =>
  withHandMade(
    (xml) => xml.replace('<os>', `${PINNED}<os>`),
    async (simulated) => {
      const plan = await simulated.plan('mine', 'dense');
      expect(plan.placement.refusals).toMatchObject([
        { guest: 'mine', code: 'UNSAFE', text: expect.stringMatching(/^REAL_TIME_NEEDS_PINNING: vCPU 0/) },
      ]);
      expect(plan.domains[0]?.steps).toEqual([]);
    },
  ));

test('what a hand-made definition already violates is shown, and does not block the plan', () =>
  withHandMade(
    (xml) => xml.replace('<os>', '<memoryBacking><locked/></memoryBacking><os>'),
    async (simulated) => {
      const plan = await simulated.plan('mine', 'balanced');
      expect(plan.placement.refusals).toEqual([]);
      expect(plan.domains[0]?.violations).toMatchObject([
        { code: 'LOCKED_NEEDS_LIMIT', level: 'refuse', created: false },
      ]);
    },
  ));

test('without a restart pins stay where they are while vCPUs are still real-time threads', async () => {
  const simulated = await OnSimulator.start(HAND_MADE);
  try {
    await simulated.apply(await simulated.plan('mine', 'low-latency'));
    const plan = await simulated.plan('mine', 'balanced', false);
    expect(plan.domains[0]?.rows.filter(({ wish }) => wish.setting.id === 'vcpupin')).toMatchObject([
      { verdict: { kind: 'boot' } },
      { verdict: { kind: 'boot' } },
    ]);
    await simulated.apply(plan);
    expect(await broken(simulated)).toEqual([]);
  } finally {
    await simulated.stop();
  }
});

test('each invariant has a unique code, and says why and names its source', () => {
  const codes = invariants.map(({ code }) => code);
  expect(new Set(codes).size).toBe(codes.length);
  for (const { what, why, source } of invariants)
    expect([what, why, source].every((text) => text.length > 10)).toBe(true);
});

test('the documentation lists every invariant as it is checked', () => {
  const text = readFileSync(join(import.meta.dirname, '../../../docs/tuning.md'), 'utf8');
  for (const { code, what, why, source } of invariants)
    for (const said of [`\`${code}\``, what, why, source]) expect(text).toContain(said);
});

import { readFileSync } from 'node:fs';
import { afterEach, expect, test } from 'vitest';
import { readLocalHost } from '../../../tuner/facts/local-host.ts';
import { planHost } from '../../../tuner/plan/host-plan.ts';
import type { HostWish } from '../../../tuner/profile/host-knobs.ts';
import { describeStep } from '../../../tuner/steps/describe.ts';
import { liveSettingOf } from '../../../tuner/steps/live-settings/all.ts';
import { stepSchema } from '../../../tuner/steps/step-schema.ts';
import { kernelTree } from '../facts/tree.ts';
import { host } from '../profile/fixtures.ts';
import { stepHost } from './step-host.ts';

let remove: (() => void) | undefined;
afterEach(() => remove?.());

const CPU = 'sys/devices/system/cpu';
const FILES = {
  'proc/sys/vm/swappiness': '60\n',
  [`${CPU}/cpu0/cpufreq/scaling_governor`]: 'powersave\n',
  [`${CPU}/cpu1/cpufreq/scaling_governor`]: 'performance\n',
  [`${CPU}/cpu0/cpuidle/state0/latency`]: '2\n',
  [`${CPU}/cpu0/cpuidle/state0/disable`]: '0\n',
  [`${CPU}/cpu0/cpuidle/state1/latency`]: '133\n',
  [`${CPU}/cpu0/cpuidle/state1/disable`]: '0\n',
};

const wishes: HostWish[] = [
  { knob: 'swappiness', wanted: 10, profiles: ['test'], why: '', source: '' },
  { knob: 'governor', wanted: 'performance', profiles: ['test'], why: '', source: '' },
  { knob: 'cstates', wanted: 10, profiles: ['test'], why: '', source: '' },
];

function tree() {
  const made = kernelTree(FILES);
  remove = made.remove;
  return { made, facts: host({ local: readLocalHost(made) }) };
}

test('--host sets swappiness, governors and idle states, and what was before comes back', async () => {
  const { made, facts } = tree();
  const { rows, steps } = planHost(facts, wishes, [], [], { setsKernel: true });
  expect(rows.map(({ what, verdict }) => [what, verdict])).toEqual([
    ['swappiness', 'live'],
    ['governor', 'live'],
    ['cstates', 'live'],
  ]);
  expect(steps.map(describeStep)).toEqual([
    'host: /proc/sys/vm/swappiness: 10',
    'host: /sys/devices/system/cpu/cpu0/cpufreq/scaling_governor: performance',
    'host: /sys/devices/system/cpu/cpu0/cpuidle/state1/disable: 1',
  ]);
  const on = stepHost({}, made);
  const before = [];
  for (const step of steps) {
    // Reads it back from a journal through the schema.
    const read = stepSchema.parse(JSON.parse(JSON.stringify(step)));
    const liveSetting = liveSettingOf(read);
    before.push(await liveSetting.get(on, read));
    await liveSetting.set(on, read, liveSetting.target(read, before.at(-1)));
    expect(
      liveSetting.differs(await liveSetting.get(on, read), liveSetting.target(read, before.at(-1))),
    ).toBeUndefined();
  }
  expect(readLocalHost(made)).toMatchObject({
    swappiness: 10,
    idleLatencyUs: 2,
    governors: new Set(['performance']),
  });
  for (const [index, step] of steps.entries()) await liveSettingOf(step).set(on, step, before[index]);
  expect(readFileSync(`${made.procRoot}/sys/vm/swappiness`, 'utf8')).toBe('60\n');
  expect(readLocalHost(made)).toMatchObject({ swappiness: 60, idleLatencyUs: 133 });
});

test('without --host nothing of the kernel is set, and the plan says that it could be', () => {
  const { rows, steps } = planHost(tree().facts, wishes, [], []);
  expect(steps).toEqual([]);
  expect(
    rows.map(({ verdict, next }) => [verdict, next?.startsWith('--host sets it until the host reboots')]),
  ).toEqual([
    ['mismatch', true],
    ['mismatch', true],
    ['mismatch', true],
  ]);
});

test('from afar nothing of the kernel is set', () => {
  expect(planHost(host(), wishes, [], [], { setsKernel: true }).steps).toEqual([]);
});

test('a host that already has the wanted values is not changed', () => {
  const { facts } = tree();
  const [swappiness] = wishes as [HostWish];
  const lax = { ...swappiness, wanted: 60 } as HostWish;
  expect(planHost(facts, [lax], [], [], { setsKernel: true })).toMatchObject({
    rows: [{ verdict: 'same' }],
    steps: [],
  });
});

test.each([
  'etc/passwd',
  'sys/vm/../kernel/core_pattern',
  'devices/system/cpu/cpu0/online',
  'sys/vm/swappiness\n',
])('a journal may not name the file %j', (file) => {
  expect(stepSchema.safeParse({ kind: 'kernelFile', root: 'proc', file, to: '1' }).success).toBe(false);
});

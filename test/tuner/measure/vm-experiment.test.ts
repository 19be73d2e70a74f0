import { expect, test } from 'vitest';
import { describeDesign } from '../../../tuner/measure/describe-design.ts';
import { figureError } from '../../../tuner/measure/figure-error.ts';
import { makeSchedule } from '../../../tuner/measure/schedule.ts';
import {
  type ExperimentSettings,
  findHostFigure,
  vmExperiment,
} from '../../../tuner/measure/vm-experiment.ts';

const STEAL = 'libvirt_domain_cpu_steal_ratio';
const SETTINGS: ExperimentSettings = {
  metric: findHostFigure(STEAL),
  user: undefined,
  margin: 1.05,
  keepIf: 'better',
  schedule: makeSchedule({ pairs: 6, blockMs: 60_000, settleMs: 15_000 }, 1),
  baselineMs: 300_000,
  everyMs: 5_000,
};
const own = { name: 'db', uuid: '00000000-0000-4000-8000-000000000001' };
const other = { name: 'web', uuid: '00000000-0000-4000-8000-000000000002' };
const sampler = { sample: () => Promise.reject(new Error('libvirt is gone')) };
const quiet = (): void => undefined;

test('limits that an operator sets hold for every VM, in the units of the figures', () => {
  const settings = { ...SETTINGS, stealLimit: 0.2, latencyLimitSeconds: 0.05 };
  const { primary, secondary, guards } = vmExperiment(own, [other], sampler, settings, quiet);
  const limits = [primary, ...secondary, ...guards].flatMap(({ name, guard }) =>
    guard?.limit === undefined ? [] : [[name, guard.limit]],
  );
  expect(limits).toEqual([
    ['libvirt_domain_cpu_steal_ratio', 0.2],
    ['libvirt_domain_disk_request_latency_seconds', 0.05],
    ['libvirt_domain_cpu_steal_ratio of "web"', 0.2],
    ['libvirt_domain_disk_request_latency_seconds of "web"', 0.05],
  ]);
});

test('without limits none is set, and the other VMs have to be worse in two stretches', () => {
  const { primary, guards } = vmExperiment(own, [other], sampler, SETTINGS, quiet);
  expect(primary.guard).toMatchObject({ limit: undefined, stretches: 1 });
  expect(guards.map(({ guard }) => guard?.stretches)).toEqual([2, 2]);
});

test('an unknown metric is refused with those that there are', () => {
  expect(() => findHostFigure('nonsense')).toThrow(
    `"nonsense" cannot be measured; use one of ${STEAL}, libvirt_domain_cpu_contention_ratio`,
  );
});

test('the reason for a missing value is logged once, until it changes', async () => {
  const reasons = ['--probe exited with 1', '--probe exited with 1', '--probe printed nothing'];
  const read = async (): Promise<number> => {
    throw figureError(reasons.shift() ?? '');
  };
  const user = { figure: { name: 'probe', kind: 'gauge', direction: 'lower is better' }, read } as const;
  const said: string[] = [];
  const { sample } = vmExperiment(own, [], sampler, { ...SETTINGS, user }, (text) => said.push(text));
  for (let at = 0; at < 3; at++) await sample();
  expect(said.filter((text) => text.startsWith('--probe'))).toEqual([
    '--probe exited with 1',
    '--probe printed nothing',
  ]);
  expect(said).toContain('no sample: libvirt is gone');
});

test('the design in a line has all durations, and what they come to', () => {
  expect(describeDesign({ ...SETTINGS, margin: 1.075 })).toBe(
    `Measured by ${STEAL}: 5m of baseline, then 12 blocks of 1m, each after 15s to settle: 20m in total. Kept if better; changes below 7.5 % do not matter.`,
  );
});

import { Command } from 'commander';
import { expect, test } from 'vitest';
import {
  addExperimentOptions,
  type ExperimentFlags,
  experimentSettings,
} from '../../cli/tune/experiment-options.ts';
import type { AnySettings } from '../../tuner/measure/vm-experiment.ts';

function settingsOf(...args: readonly string[]): AnySettings | undefined {
  const command = addExperimentOptions(new Command())
    .exitOverride()
    .configureOutput({ writeErr: () => {} });
  command.parse(args, { from: 'user' });
  return experimentSettings(command, command.opts<ExperimentFlags>());
}

test('the defaults are an experiment of 25 minutes on steal, and without --measure there is none', () => {
  expect(settingsOf('--measure')).toMatchObject({
    metric: { name: 'libvirt_domain_cpu_steal_ratio' },
    user: undefined,
    margin: 1.05,
    keepIf: 'better',
    schedule: { pairs: 8, blockMs: 60_000, settleMs: 15_000, totalMs: 1_200_000 },
    baselineMs: 300_000,
    everyMs: 5_000,
    stealLimit: undefined,
    latencyLimitSeconds: undefined,
  });
  expect(settingsOf()).toBeUndefined();
});

test('restarts are measured for longer than blocks, unless that is asked for', () => {
  const minutes = { restarts: 8, blockMs: 600_000, settleMs: 300_000, totalMs: 7_200_000 };
  expect(settingsOf('--measure', '--restarts', '8')).toMatchObject({ schedule: minutes });
  const flags = ['--block', '60s', '--block-settle', '15s'];
  expect(settingsOf('--measure', '--restarts', '8', ...flags)).toMatchObject({
    schedule: { restarts: 8, blockMs: 60_000, settleMs: 15_000 },
  });
});

test('limits are in per cent and milliseconds', () => {
  expect(settingsOf('--measure', '--steal-limit', '20', '--latency-limit', '50')).toMatchObject({
    stealLimit: 0.2,
    latencyLimitSeconds: 0.05,
  });
});

test('each experiment has other coins', () => {
  const seeds = Array.from({ length: 10 }, () => settingsOf('--measure')?.schedule.seed);
  expect(new Set(seeds).size).toBeGreaterThan(1);
});

test.each([
  ['--dry-run'],
  ['--restarts=8'],
  ['--metric=libvirt_domain_cpu_usage_cpus'],
  ['--probe=echo 1'],
  ['--promql=up'],
  ['--prometheus=http://prometheus'],
  ['--higher-is-better'],
  ['--margin=5'],
  ['--keep-if=better'],
  ['--baseline=5m'],
  ['--steal-limit=5'],
  ['--latency-limit=5'],
  ['--blocks=12'],
  ['--block=60'],
  ['--block-settle=15'],
  ['--every=5'],
])('%s without --measure is refused, even with the value that it has by default', (flag) => {
  expect(() => settingsOf(flag)).toThrow(`${flag.split('=')[0]} needs --measure`);
});

test.each([
  [['--blocks', '10'], 'at least 12 blocks'],
  [['--metric', 'nonsense'], '"nonsense" cannot be measured; use one of'],
  [['--promql', 'up'], '--promql and --prometheus must be used together'],
  [['--prometheus', 'http://prometheus'], '--promql and --prometheus must be used together'],
  [['--promql', 'up', '--prometheus', 'prometheus:9090'], '--prometheus expects a URL'],
  [['--probe', 'echo 1', '--metric', 'libvirt_domain_cpu_usage_cpus'], 'one figure decides'],
  [['--probe', 'echo 1', '--promql', 'up'], 'one figure decides'],
  [['--higher-is-better'], '--higher-is-better needs --probe or --promql'],
  [['--every', '100ms'], 'from 1s to 10m'],
  [['--block', '1s'], 'from 2s to 1d'],
  [['--block', '9s'], 'a block of 9 s has too few samples'],
  [['--baseline', '0'], 'from 2s to 1d'],
  [['--baseline', '9s'], 'a baseline of 9 s has too few samples'],
  [['--margin', '0'], 'Expected a percentage from 0.1 to 99.'],
  [['--steal-limit', ''], 'Expected a percentage from 0.1 to 99.'],
  [['--restarts', '21'], '21 restarts cannot be measured; use 1 to 20'],
  [['--restarts', '8', '--blocks', '16'], '--blocks cannot be combined with --restarts'],
  [['--restarts', '8', '--block', '9s'], 'a block of 9 s has too few samples'],
  [['--latency-limit', '0'], 'Expected milliseconds from 0.01 to 900000.'],
])('%j makes no experiment, and the error states the reason', (args, reason) => {
  expect(() => settingsOf('--measure', ...args)).toThrow(reason);
});

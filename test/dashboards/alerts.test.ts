import { spawnSync } from 'node:child_process';
import { expect, test } from 'vitest';
import { alertCases } from './alert-cases/all.ts';
import { withTestFiles } from './alert-cases/promtool.ts';

const promtool = spawnSync('promtool', ['--version'], { encoding: 'utf8' });
const absent = promtool.status !== 0;
if (absent)
  console.warn(
    'promtool is not installed, so the cases of the alerts are skipped: apt-get install prometheus',
  );

const alerts = [...new Set(alertCases.map(({ alert }) => alert))];

test.skipIf(absent).each(alerts)('%s fires when, and only when, its cases say so', (alert) => {
  const cases = alertCases.filter((each) => each.alert === alert);
  const said = withTestFiles(cases, (files) =>
    spawnSync('promtool', ['test', 'rules', ...files], { encoding: 'utf8' }),
  );
  expect(said.status, said.stdout + said.stderr).toBe(0);
});

test.skipIf(absent)('promtool fails a case whose alert does not fire as it says', () => {
  const [first] = alertCases;
  if (first === undefined) throw new Error('there is no case');
  const silent = { ...first, at: Object.fromEntries(Object.keys(first.at).map((minute) => [minute, []])) };
  const said = withTestFiles([silent], (files) =>
    spawnSync('promtool', ['test', 'rules', ...files], { encoding: 'utf8' }),
  );
  expect(said.stderr + said.stdout).toContain(first.alert);
  expect(said.status).toBe(1);
});

import { spawnSync } from 'node:child_process';
import { expect, test } from 'vitest';
import { alertCases } from '../dashboards/alert-cases/all.ts';
import { withTestFile } from '../dashboards/alert-cases/promtool.ts';
import { run } from './lab/run.ts';

const BUILT = 'dashboards/built';

test('promtool finds no fault in the rules as they are shipped', () => {
  const files = ['recording', 'alerts'].map((name) => `${BUILT}/prometheus/virtune-${name}.yaml`);
  expect(run('promtool', ['check', 'rules', '--lint=all', '--lint-fatal', ...files])).toContain('SUCCESS');
});

test('amtool finds no fault in the Alertmanager to start from', () => {
  expect(run('amtool', ['check-config', `${BUILT}/alertmanager/alertmanager.yml`])).toContain('SUCCESS');
});

test.each(alertCases)('$alert: $what', (each) => {
  const said = withTestFile(each, (file) =>
    spawnSync('promtool', ['test', 'rules', file], { encoding: 'utf8' }),
  );
  expect(said.status, said.stdout + said.stderr).toBe(0);
});

import { expect, test } from 'vitest';
import { run } from './lab/run.ts';

const BUILT = 'dashboards/built';

test('promtool finds no fault in the rules as they are shipped', () => {
  const files = ['recording', 'alerts'].map((name) => `${BUILT}/prometheus/virtune-${name}.yaml`);
  expect(run('promtool', ['check', 'rules', '--lint=all', '--lint-fatal', ...files])).toContain('SUCCESS');
});

test('amtool finds no fault in the Alertmanager to start from', () => {
  expect(run('amtool', ['check-config', `${BUILT}/alertmanager/alertmanager.yml`])).toContain('SUCCESS');
});

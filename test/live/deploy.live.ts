import { expect, test } from 'vitest';
import { run, succeeds } from './lab/run.ts';

const UNIT = 'deploy/systemd/virtune-exporter.service';
const CAN_ANALYZE = succeeds('systemd-analyze', ['--version']);

test.skipIf(!CAN_ANALYZE)('the unit leaves next to nothing open', () => {
  const said = run('systemd-analyze', ['security', '--offline=true', '--no-pager', UNIT]);
  // Of 10, where 10 is a service without a sandbox; 2.0 when this was written, with systemd 252.
  expect(Number(/exposure level for .*: ([\d.]+)/.exec(said)?.[1])).toBeLessThanOrEqual(2.5);
});

test("Prometheus takes the stack's configuration", () => {
  expect(run('promtool', ['check', 'config', '--syntax-only', 'deploy/compose/prometheus.yml'])).toContain(
    'SUCCESS',
  );
});

import { copyFileSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { run } from './lab/run.ts';

const NAME = 'virtune-exporter.service';
const UNITS = 'deploy/systemd';

/** Of 10, where 10 is a service without a sandbox: what systemd makes of the unit with these drop-ins. */
function exposure(dropIns: readonly string[]): number {
  const root = mkdtempSync(join(tmpdir(), 'virtune-units-'));
  const folder = join(root, 'etc/systemd/system');
  mkdirSync(join(folder, `${NAME}.d`), { recursive: true });
  copyFileSync(join(UNITS, NAME), join(folder, NAME));
  for (const name of dropIns) copyFileSync(join(UNITS, `${NAME}.d`, name), join(folder, `${NAME}.d`, name));
  try {
    const said = run('systemd-analyze', [`--root=${root}`, '--offline=true', '--no-pager', 'security', NAME]);
    return Number(/exposure level for .*: ([\d.]+)/.exec(said)?.[1]);
  } finally {
    rmSync(root, { recursive: true });
  }
}

// As docs/configuration.md states them, by systemd 252; another version may judge a little otherwise.
test.each([
  [[], 1.3],
  [['guest-agent.conf'], 1.5],
  [['local-extras.conf'], 2.0],
])('the unit with %j leaves next to nothing open', (dropIns, stated) => {
  expect(exposure(dropIns)).toBeLessThanOrEqual(stated + 0.3);
});

test("Prometheus takes the stack's configuration", () => {
  expect(run('promtool', ['check', 'config', '--syntax-only', 'deploy/compose/prometheus.yml'])).toContain(
    'SUCCESS',
  );
});

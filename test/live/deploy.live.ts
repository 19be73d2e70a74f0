import { spawn } from 'node:child_process';
import { chmodSync, copyFileSync, cpSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { startDemo } from '../../simulator/demo.ts';
import { saidBeforeEnd } from '../child-output.ts';
import { run } from './lab/run.ts';

const NAME = 'virtune-exporter.service';
const UNITS = 'deploy/systemd';

/** systemd's exposure score of the unit with these drop-ins; 10 is a service without a sandbox. */
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

// As stated in docs/configuration.md, by systemd 252; other versions may score slightly differently.
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

/** Like `podman run --read-only --cap-drop ALL`: every mount read-only, user nobody, no capabilities. */
const SANDBOX = `
  set -e
  findmnt --raw --noheadings --output TARGET | sort -r | while read -r target; do
    case $target in /proc*) ;; *) mount -o remount,bind,ro "$target" ;; esac
  done
  exec setpriv --reuid 65534 --regid 65534 --clear-groups --no-new-privs --bounding-set=-all "$@"
`;

test('the package serves metrics as user 65534 where nothing can be written, and ends when asked to', async () => {
  const root = mkdtempSync(join(tmpdir(), 'virtune-image-'));
  chmodSync(root, 0o755);
  const demo = await startDemo();
  const socket = new URL(demo.uri).searchParams.get('socket') ?? '';
  chmodSync(join(socket, '..'), 0o755);
  chmodSync(socket, 0o666);
  run('npm', ['run', '--silent', 'build']);
  run('npm', ['pack', '--silent', '--pack-destination', root]);
  run('tar', ['-xzf', join(root, 'virtune-0.1.0.tgz'), '-C', root, '--strip-components', '1']);
  cpSync(process.execPath, join(root, 'node'));
  const child = spawn(
    'unshare',
    [
      '--mount',
      'bash',
      '-c',
      SANDBOX,
      'sandbox',
      join(root, 'node'),
      join(root, 'dist/cli/virtune.js'),
    ].concat(['exporter', '-c', demo.uri, '--listen', '127.0.0.1:0']),
    { stdio: ['ignore', 'ignore', 'pipe'], env: { PATH: process.env['PATH'], TMPDIR: root } },
  );
  try {
    let said = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      said += text;
    });
    const url = (): string | undefined => /(http:\/\/\S+)\/metrics/.exec(said)?.[1];
    await saidBeforeEnd(child, child.stderr, () => url() !== undefined);
    expect(said).toContain('/metrics');
    const status = run('cat', [`/proc/${child.pid}/status`]);
    expect(status).toMatch(/^Uid:\t65534\t65534\t65534\t65534$/m);
    expect(status).toMatch(/^CapBnd:\t0+$/m);
    expect(await (await fetch(`${url()}/metrics`)).text()).toContain('libvirt_up 1');
    const ended = new Promise((resolve) => child.once('exit', (code) => resolve(code)));
    child.kill('SIGTERM');
    expect(await ended).toBe(0);
  } finally {
    child.kill('SIGKILL');
    await demo.stop();
    rmSync(root, { recursive: true });
  }
}, 300_000);

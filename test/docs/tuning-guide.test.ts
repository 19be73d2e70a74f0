import { spawn } from 'node:child_process';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Demo, startDemo } from '../../simulator/demo.ts';
import { outputOf } from '../child-output.ts';
import { VIRTUNE } from '../virtune-process.ts';

const ROOT = join(import.meta.dirname, '../..');
const GUIDE = readFileSync(join(ROOT, 'docs/tuning-a-database-vm.md'), 'utf8');

const blocks = (language: string): string[] =>
  [...GUIDE.matchAll(new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\`$`, 'gms'))].map(([, text]) => text ?? '');

let demo: Demo;
let folder: string;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'virtune-guide-'));
  demo = await startDemo({ scenario: 'numa-split-database' });
  const command = join(folder, 'virtune');
  writeFileSync(command, `#!/bin/sh\nexec ${VIRTUNE.map((word) => `'${word}'`).join(' ')} "$@"\n`);
  chmodSync(command, 0o755);
  const [assignments = ''] = blocks('yaml');
  writeFileSync(join(folder, 'assignments.yaml'), assignments);
});
afterAll(async () => {
  await demo.stop();
  rmSync(folder, { recursive: true });
});

test('every command of the guide to a database VM works, in its order, on the demo', async () => {
  const commands = blocks('sh').flatMap((block) => block.split('\n').filter((line) => line !== ''));
  expect(commands.length).toBeGreaterThan(7);
  const failed: string[] = [];
  for (const command of commands) {
    const { status, stdout, stderr } = await inShell(command);
    if (status !== 0) failed.push(`${command} ended with ${status}:\n${stdout}\n${stderr}`);
  }
  expect(failed).toEqual([]);
}, 180_000);

/** Asynchronous, since this process must keep running: the demo lives in it. */
async function inShell(command: string): Promise<{ status: number | null; stdout: string; stderr: string }> {
  const child = spawn('/bin/sh', ['-c', command], {
    cwd: folder,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {
      ...process.env,
      PATH: `${folder}:${process.env['PATH']}`,
      LIBVIRT_DEFAULT_URI: demo.uri,
      XDG_STATE_HOME: folder,
      VIRTUNE_STATE_DIR: join(folder, 'state'),
    },
  });
  return outputOf(child);
}

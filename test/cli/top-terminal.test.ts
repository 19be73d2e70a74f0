import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { readlinkSync } from 'node:fs';
import { afterEach, expect, test, vi } from 'vitest';
import { VIRTUNE } from '../virtune-process.ts';

let script: ChildProcess | undefined;
let pid: number | undefined;
afterEach(() => {
  if (pid !== undefined) process.kill(pid, 'SIGKILL');
  script?.kill('SIGKILL');
  [script, pid] = [undefined, undefined];
});

/** `virtune top` on a separate terminal of 100 x 30 from script(1). */
async function openTop(): Promise<{ readonly pid: number; readonly terminal: string; shown(): string }> {
  const command = [...VIRTUNE, 'top', '--no-config', '--demo'].map((word) => `'${word}'`).join(' ');
  const child = spawn(
    'script',
    ['--quiet', '--command', `stty cols 100 rows 30; echo pid=$$.; exec ${command}`, '/dev/null'],
    { stdio: ['pipe', 'pipe', 'ignore'], env: { ...process.env, SHELL: '/bin/sh', TERM: 'xterm' } },
  );
  script = child;
  let text = '';
  child.stdout.setEncoding('utf8').on('data', (part: string) => {
    text += part;
  });
  const shown = (): string => text;
  await vi.waitFor(() => expect(text).toMatch(/pid=\d+\./), LONG);
  const found = Number(/pid=(\d+)\./.exec(text)?.[1]);
  pid = found;
  return { pid: found, terminal: readlinkSync(`/proc/${found}/fd/0`), shown };
}

const LONG = { timeout: 60_000, interval: 100 };

/** Whether the terminal passes on each key at once, without echo. */
function isRaw(terminal: string): boolean {
  const modes = spawnSync('stty', ['-F', terminal, '-a'], { encoding: 'utf8' }).stdout.split(/\s+/);
  return ['-icanon', '-echo', '-isig'].every((mode) => modes.includes(mode));
}

test('after a stop that cannot be caught, it takes the terminal and the mouse again', async () => {
  const top = await openTop();
  await vi.waitFor(() => expect([isRaw(top.terminal), top.shown()]).toEqual([true, MOUSE]), LONG);
  process.kill(top.pid, 'SIGSTOP');
  // As a shell does when it gets its terminal back.
  await vi.waitFor(() => {
    spawnSync('stty', ['-F', top.terminal, 'sane']);
    expect(isRaw(top.terminal)).toBe(false);
  }, LONG);
  const before = top.shown().length;
  process.kill(top.pid, 'SIGCONT');
  await vi.waitFor(() => {
    // script stops whenever it has seen its command stop, which may be after this.
    script?.kill('SIGCONT');
    expect(isRaw(top.terminal)).toBe(true);
    expect(top.shown().slice(before)).toEqual(MOUSE);
  }, LONG);
}, 120_000);

/** xterm's sequence that enables the mouse, anywhere in the output. */
const MOUSE = expect.stringContaining('\u001b[?1000h');

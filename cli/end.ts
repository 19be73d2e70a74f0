import { existsSync } from 'node:fs';
import { ExitCode } from './exit-codes.ts';
import { log } from './log.ts';

/** Files that have not answered for so long once a command is done will not. */
const HUNG_AFTER_MS = 2_000;
const LOOK_EVERY_MS = 250;
const SHELL = '/bin/sh';

/**
 * Ends the process, with the exit code that it has, where nothing but reads or writes of a file system that hangs keep it.
 * Called once a command is done. What is still to be printed is waited for.
 */
export function endDespiteHungFiles(): void {
  let hungSinceMs = performance.now();
  // Does not itself keep the process.
  setInterval(() => {
    const isWriting = process.stdout.writableLength > 0 || process.stderr.writableLength > 0;
    if (isWriting || !process.getActiveResourcesInfo().some((name) => name.startsWith('FSReq')))
      hungSinceMs = performance.now();
    if (performance.now() - hungSinceMs < HUNG_AFTER_MS) return;
    log('virtune: a file system does not answer; the command has ended without waiting for it');
    endNow(Number(process.exitCode ?? ExitCode.ok));
  }, LOOK_EVERY_MS).unref();
}

/**
 * `process.exit` joins libuv's threads, and would wait for the file system as well. A process that becomes another has no
 * threads left, and keeps the exit code.
 */
function endNow(exitCode: number): void {
  if (process.execve !== undefined && existsSync(SHELL)) {
    process.removeAllListeners('warning');
    process.execve(SHELL, ['sh', '-c', `exit ${exitCode}`], {});
  }
  process.kill(process.pid, 'SIGKILL');
}

import { existsSync } from 'node:fs';
import { ExitCode } from './exit-codes.ts';
import { log } from './log.ts';

/** File operations still pending this long after the command is done are considered hung. */
const HUNG_AFTER_MS = 2_000;
const LOOK_EVERY_MS = 250;
const SHELL = '/bin/sh';

/**
 * Ends the process with its current exit code when only pending reads or writes of a hung file system keep it alive.
 * Call it once the command is done. Pending output is written first.
 */
export function endDespiteHungFiles(): void {
  let hungSinceMs = performance.now();
  // Unref'ed, so that the timer itself does not keep the process alive.
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
 * `process.exit` joins libuv's threads, and so would block on the file system too. execve replaces the process image:
 * no threads are left, and the shell exits with the code.
 */
function endNow(exitCode: number): void {
  if (process.execve !== undefined && existsSync(SHELL)) {
    process.removeAllListeners('warning');
    process.execve(SHELL, ['sh', '-c', `exit ${exitCode}`], {});
  }
  process.kill(process.pid, 'SIGKILL');
}

import { systemErrorText } from '../model/system-error.ts';
import { textWithCode, VirtuneError } from '../model/virtune-error.ts';
import { ExitCode } from './exit-codes.ts';
import { log } from './log.ts';

/** Logged, and never thrown: a change of VMs goes on. */
class StandardOutputError extends VirtuneError {
  override readonly name = 'StandardOutputError';
  constructor(cause: Error) {
    super(
      'STANDARD_OUTPUT',
      `standard output cannot be written: ${systemErrorText(cause)}; what the command prints is lost, a change that it has begun goes on to its end: free space, or send the output elsewhere`,
      { cause },
    );
  }
}

/**
 * Has every command go on when what it prints can no longer be written: Node.js would end the process at once, a change
 * of VMs in the middle. The reader of a pipe may have had enough, which is its right; a full disk exits with 74. A command
 * that only prints ends by itself.
 */
export function surviveLostOutput(): void {
  let isLost = false;
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (isLost || error.code === 'EPIPE') return;
    isLost = true;
    log(`virtune: ${textWithCode(new StandardOutputError(error))}`);
  });
  process.stderr.on('error', () => undefined);
  process.on('exit', (code) => {
    if (isLost && code === ExitCode.ok) process.exitCode = ExitCode.outputLost;
  });
}

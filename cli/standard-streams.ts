import { systemErrorText } from '../model/system-error.ts';
import { textWithCode, VirtuneError } from '../model/virtune-error.ts';
import { ExitCode } from './exit-codes.ts';
import { log } from './log.ts';

/** Only logged, never thrown: a change of VMs in progress continues. */
class StandardOutputError extends VirtuneError {
  override readonly name = 'StandardOutputError';
  constructor(cause: Error) {
    super(
      'STANDARD_OUTPUT',
      `standard output cannot be written: ${systemErrorText(cause)}; the output is lost, but a change in progress is completed; free space, or redirect the output`,
      { cause },
    );
  }
}

/**
 * Keeps every command running when its output can no longer be written: Node.js would exit at once, possibly in the
 * middle of a change of VMs. A closed pipe is ignored, since its reader may have read enough; a full disk exits with
 * 74. A command that only prints ends by itself.
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

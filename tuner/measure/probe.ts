import { spawn } from 'node:child_process';
import { figureError } from './figure-error.ts';

/** Per output stream; more than a number and a message need. */
const OUTPUT_BYTES_MAX = 65_536;

/**
 * The number that a shell command prints.
 *
 * @param timeoutMs after which the command and all processes that it started are killed.
 * @throws TunerError TUNE_FIGURE when it fails, takes too long or prints something else.
 */
export async function probe(command: string, timeoutMs: number): Promise<number> {
  const { status, stdout, stderr } = await run(command, timeoutMs);
  if (status === 'timeout')
    throw figureError(`--probe took longer than ${timeoutMs / 1_000} s and was killed`);
  if (status !== 0) {
    const how = typeof status === 'number' ? `exited with ${status}` : `was ended by ${status}`;
    throw figureError(`--probe ${how}${stderr === '' ? ', without a message' : `: ${stderr}`}`);
  }
  const value = Number(stdout);
  if (stdout !== '' && Number.isFinite(value)) return value;
  const printed = stdout === '' ? 'nothing' : JSON.stringify(shortened(stdout));
  throw figureError(`--probe printed ${printed} instead of one number`);
}

interface Ended {
  readonly status: number | NodeJS.Signals | 'timeout';
  /** Trimmed. */
  readonly stdout: string;
  /** Its last line. */
  readonly stderr: string;
}

/** In a separate process group, so that a timeout also kills what the shell has started. */
function run(command: string, timeoutMs: number): Promise<Ended> {
  return new Promise((resolve, reject) => {
    const child = spawn('/bin/sh', ['-c', command], { detached: true, stdio: ['ignore', 'pipe', 'pipe'] });
    let isLate = false;
    const timer = setTimeout(() => {
      isLate = true;
      killGroup(child.pid);
    }, timeoutMs);
    const [stdout, stderr] = [child.stdout, child.stderr].map((stream) => {
      const output = { text: '' };
      stream.setEncoding('utf8').on('data', (text: string) => {
        if (output.text.length < OUTPUT_BYTES_MAX) output.text += text;
      });
      return output;
    });
    child.once('error', (error) => {
      clearTimeout(timer);
      reject(figureError(`--probe cannot be run: ${error.message}`));
    });
    child.once('close', (code, signal) => {
      clearTimeout(timer);
      resolve({
        status: isLate ? 'timeout' : (code ?? signal ?? 'SIGKILL'),
        stdout: (stdout?.text ?? '').trim(),
        stderr: shortened((stderr?.text ?? '').trim().split('\n').at(-1) ?? ''),
      });
    });
  });
}

function killGroup(pid: number | undefined): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // It has already ended.
  }
}

const shortened = (text: string): string => (text.length > 200 ? `${text.slice(0, 200)}...` : text);

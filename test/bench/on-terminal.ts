import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import type { Readable, Writable } from 'node:stream';
import { cpuMs } from './process-usage.ts';

export const SIZE = { width: 200, height: 60 };

/** A console on a terminal created by script(1), and its output. */
export class OnTerminal {
  readonly #child: ChildProcessByStdio<Writable, Readable, null>;
  readonly #startedMs = performance.now();
  readonly #firstFrame = Promise.withResolvers<number>();
  #text = '';

  /** @param filled matches what the console has written once its first frame has VMs: an empty one does not count */
  constructor(command: readonly string[], filled: RegExp) {
    const quoted = command.map((word) => `'${word}'`).join(' ');
    this.#child = spawn(
      'script',
      ['-qfc', `stty rows ${SIZE.height} cols ${SIZE.width}; exec ${quoted}`, '/dev/null'],
      {
        stdio: ['pipe', 'pipe', 'ignore'],
        env: { ...process.env, TERM: 'xterm-256color', LANG: 'C.UTF-8' },
      },
    );
    this.#child.stdout.on('data', (chunk: Buffer) => {
      if (this.#text.length > 1_000_000) return;
      this.#text += chunk.toString();
      if (filled.test(this.#text)) this.#firstFrame.resolve(performance.now() - this.#startedMs);
    });
  }

  firstFrameMs(): Promise<number> {
    return this.#firstFrame.promise;
  }

  /** PID of the console itself: script and its child are two processes. */
  get pid(): number {
    const { pid } = this.#child;
    return Number(readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ')[0]);
  }

  /** CPU time so far, ms. */
  get cpuMs(): number {
    return cpuMs(this.pid);
  }

  stop(): Promise<void> {
    return new Promise((resolve) => {
      this.#child.once('close', () => resolve());
      this.#child.stdin.write('q');
    });
  }
}

import { type ChildProcess, spawn } from 'node:child_process';
import { saidBeforeEnd } from '../child-output.ts';
import { VIRTUNE } from '../virtune-process.ts';

const quoted = (word: string): string => `'${word.replaceAll("'", "'\\''")}'`;

/** virtune on a separate terminal from script(1): answers its prompts. */
export class Terminal {
  readonly #child: ChildProcess;
  readonly ended: Promise<{ readonly code: number | null; readonly shown: string }>;
  #shown = '';

  constructor(...args: readonly string[]) {
    const command = [...VIRTUNE, ...args].map(quoted).join(' ');
    this.#child = spawn('script', ['--quiet', '--return', '--command', command, '/dev/null'], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    this.#child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      this.#shown += text;
    });
    this.ended = new Promise((resolve) => {
      this.#child.once('close', (code) => resolve({ code, shown: this.#shown }));
    });
  }

  /** Waits until the question has been shown this many times. */
  async asks(question: string, times = 1): Promise<void> {
    const asked = (): boolean => this.#shown.split(question).length > times;
    if (await saidBeforeEnd(this.#child, this.#child.stdout, asked)) return;
    throw new Error(`it ended without asking:\n${this.#shown}`);
  }

  type(text: string): void {
    this.#child.stdin?.write(text);
  }
}

import { createInterface } from 'node:readline/promises';
import { TunerError } from '../../tuner/errors.ts';

/** Prompts the user at the terminal; Ctrl-C and Ctrl-D count as no. */
export async function agreed(question: string): Promise<boolean> {
  if (!process.stdin.isTTY) {
    throw new TunerError(
      'TUNE_USAGE',
      'stdin is not a terminal, so there is no prompt; review the plan and use --yes',
    );
  }
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  const closed = new Promise<string>((resolve) => {
    terminal.once('close', () => resolve('no'));
  });
  try {
    const answer = await Promise.race([terminal.question(`${question} [y/N] `), closed]);
    return /^y(es)?$/i.test(answer.trim());
  } finally {
    terminal.close();
  }
}

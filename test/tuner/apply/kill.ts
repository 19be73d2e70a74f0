import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Transaction } from '../../../tuner/apply/transaction.ts';

const CHILD = join(import.meta.dirname, 'apply-child.ts');

/** `changes`: only points at which something was changed or written, without those around a reading call. */
export type KillPoints = 'all' | 'changes';

/** Applies in a separate process that is killed at that point. Returns the point, or the outcome if it ended before. */
export async function applyAndKill(
  stateDir: string,
  transaction: Transaction,
  killAt: number,
  points: KillPoints = 'all',
): Promise<string> {
  const file = join(stateDir, 'transaction.json');
  writeFileSync(file, JSON.stringify(transaction));
  const child = spawn(process.execPath, [CHILD, stateDir, file, String(killAt), points], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let said = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    said += text;
  });
  await once(child, 'close');
  return said.trim();
}

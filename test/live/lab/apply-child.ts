import { readFileSync } from 'node:fs';
import { applyTransaction } from '../../../tuner/apply/apply.ts';
import type { Transaction } from '../../../tuner/apply/transaction.ts';
import { runOptionsOf } from './tuned-guest.ts';

/**
 * Applies a transaction and kills itself, as `kill -9` does, at one of its points: before or after a call of
 * libvirt or a line of the journal. `node apply-child.ts STATE-DIR TRANSACTION.json POINT`. Prints the point.
 */
const [stateDir = '', file = '', killAt = ''] = process.argv.slice(2);
const transaction: Transaction = JSON.parse(readFileSync(file, 'utf8'));
let at = 0;
const outcome = await applyTransaction(
  transaction,
  runOptionsOf(stateDir, {
    trace: ({ when, what }) => {
      if (at++ !== Number(killAt)) return;
      process.stdout.write(`${when} ${what}\n`);
      process.kill(process.pid, 'SIGKILL');
    },
  }),
);
process.stdout.write(`${outcome.kind}\n`);

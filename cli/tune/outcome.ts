import type { Outcome } from '../../tuner/apply/transaction.ts';
import { describeStep } from '../../tuner/steps/describe.ts';
import { ExitCode } from '../exit-codes.ts';
import { log } from '../log.ts';

/** Says how a transaction ended; the exit code that tells scripts the same. */
export function sayOutcome(outcome: Outcome, json: boolean): number {
  const { id, kind, failure, remains, notes } = outcome;
  if (json) process.stdout.write(`${JSON.stringify({ format: 1, ...outcome }, null, 2)}\n`);
  if (failure !== undefined) log(`virtune: ${failure.message} [${failure.code}]`);
  for (const { step, message } of remains) log(`virtune: not put back: ${describeStep(step)}: ${message}`);
  for (const note of notes) log(`virtune: ${note}`);
  log(`virtune: transaction ${id}: ${SAYS[kind]}`);
  if (kind === 'incomplete') return ExitCode.incomplete;
  return failure === undefined ? ExitCode.ok : ExitCode.undone;
}

const SAYS: Readonly<Record<Outcome['kind'], string>> = {
  committed: 'done, and seen to be done; virtune tune rollback takes it back',
  undone: 'everything is as it was',
  'rolled back': 'taken back, everything is as it was before it',
  incomplete: 'not all of it could be put back; virtune tune recover tries again',
};

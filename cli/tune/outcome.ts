import { jsonText } from '../../model/json-text.ts';
import { textWithCode } from '../../model/virtune-error.ts';
import type { TransactionOutcome } from '../../tuner/apply/transaction.ts';
import { describeStep } from '../../tuner/steps/describe.ts';
import { ExitCode } from '../exit-codes.ts';
import { log } from '../log.ts';

/** Prints how a transaction ended; returns the exit code for it. */
export function printOutcome(outcome: TransactionOutcome, json: boolean): number {
  const { id, kind, failure, remains, notes } = outcome;
  if (json) process.stdout.write(`${jsonText(outcomeJson(outcome), 2)}\n`);
  if (failure !== undefined) log(`virtune: ${textWithCode(failure)}`);
  for (const { step, message } of remains) log(`virtune: not restored: ${describeStep(step)}: ${message}`);
  for (const note of notes) log(`virtune: ${note}`);
  log(`virtune: transaction ${id}: ${SAYS[kind]}`);
  if (kind === 'incomplete') return ExitCode.incomplete;
  return failure === undefined ? ExitCode.ok : ExitCode.undone;
}

/**
 * Stable within its format; absent values are null. Steps are described in words, since a definition may hold
 * passwords.
 */
export function outcomeJson({ id, kind, failure, remains, notes }: TransactionOutcome): object {
  return {
    format: 1,
    id,
    kind,
    failure: failure ?? null,
    remains: remains.map(({ step, message }) => ({ kind: step.kind, what: describeStep(step), message })),
    notes,
  };
}

/** Prints questions and announcements; with --json to standard error, to keep standard output parseable. */
export function show(text: string, json: boolean): void {
  (json ? process.stderr : process.stdout).write(`${text}\n`);
}

/** The outcome of a run without changes, in the same format. */
export function printUnchanged(why: string, json: boolean): void {
  const document = { format: 1, id: null, kind: 'unchanged', failure: null, remains: [], notes: [] };
  if (json) process.stdout.write(`${jsonText(document, 2)}\n`);
  log(`virtune: ${why}`);
}

const SAYS: Readonly<Record<TransactionOutcome['kind'], string>> = {
  committed: 'applied and verified; virtune tune rollback undoes it',
  undone: 'everything is restored',
  'rolled back': 'rolled back, everything is restored',
  incomplete: 'not everything could be restored; virtune tune recover tries again',
};

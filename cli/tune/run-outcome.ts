import { jsonText } from '../../model/json-text.ts';
import { textWithCode } from '../../model/virtune-error.ts';
import type { RunResult } from '../../tuner/apply/apply-batches.ts';
import type { Transaction, TransactionOutcome } from '../../tuner/apply/transaction.ts';
import { ExitCode, exitCodeFor } from '../exit-codes.ts';
import { log } from '../log.ts';
import { outcomeJson, printOutcome } from './outcome.ts';

/**
 * Reports how a run of one or more transactions ended: what was applied, what failed and what was not tried. Returns
 * the exit code of the worst outcome.
 */
export function printRun(id: string, result: RunResult, json: boolean): number {
  const { outcomes, notTried, stopped } = result;
  if (json) process.stdout.write(`${jsonText(runJson(id, result), 2)}\n`);
  const [only] = outcomes;
  if (outcomes.length === 1 && notTried.length === 0 && only !== undefined) {
    return printOutcome(only.outcome, false);
  }
  if (stopped !== undefined) log(`virtune: stopped: ${textWithCode(stopped)}`);
  const of = (wanted: (outcome: TransactionOutcome) => boolean): string =>
    namesOf(outcomes.filter(({ outcome }) => wanted(outcome)).map(({ transaction }) => transaction));
  log(`virtune: run ${id}:`);
  log(`virtune:   applied    ${of(({ kind }) => kind === 'committed')}`);
  log(`virtune:   failed     ${of(({ kind }) => kind !== 'committed')}`);
  log(`virtune:   not tried  ${namesOf(notTried)}`);
  return runExitCode(result);
}

function runExitCode({ outcomes, stopped }: RunResult): number {
  const kinds = outcomes.map(({ outcome }) => outcome.kind);
  if (kinds.includes('incomplete')) return ExitCode.incomplete;
  if (kinds.some((kind) => kind !== 'committed')) return ExitCode.undone;
  return stopped === undefined ? ExitCode.ok : exitCodeFor(stopped);
}

function namesOf(transactions: readonly Transaction[]): string {
  const names = transactions.flatMap(namesIn);
  return names.length === 0 ? 'none' : names.join(', ');
}

function namesIn({ domains }: Transaction): string[] {
  if (domains.length === 0) return ['the host itself'];
  return domains.map(({ domain }) => JSON.stringify(domain.name));
}

/** The document of a single transaction, or the same fields merged over all of them, with the kind of each. */
function runJson(id: string, { outcomes, notTried, stopped }: RunResult): object {
  const domainsOf = (transactions: readonly Transaction[]) =>
    transactions.flatMap(({ domains }) => domains.map(({ domain }) => domain.name));
  const done = (committed: boolean) =>
    outcomes
      .filter(({ outcome }) => (outcome.kind === 'committed') === committed)
      .map(({ transaction }) => transaction);
  const last = outcomes.at(-1)?.outcome;
  const failure = stopped ?? last?.failure;
  return {
    ...outcomeJson({
      id,
      kind: kindOf(outcomes.map(({ outcome }) => outcome.kind)),
      failure: failure === undefined ? undefined : { code: failure.code, message: failure.message },
      remains: outcomes.flatMap(({ outcome }) => outcome.remains),
      notes: outcomes.flatMap(({ outcome }) => outcome.notes),
    }),
    applied: domainsOf(done(true)),
    failed: domainsOf(done(false)),
    notTried: domainsOf(notTried),
    transactions: outcomes.map(({ outcome }) => outcomeJson(outcome)),
  };
}

/** Outcome of the whole run: `undone` if any transaction was, although earlier ones remain applied. */
function kindOf(kinds: readonly TransactionOutcome['kind'][]): TransactionOutcome['kind'] {
  return kinds.find((kind) => kind !== 'committed') ?? 'committed';
}

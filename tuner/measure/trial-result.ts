import type { Trial } from '../apply/apply.ts';
import type { Failure } from '../apply/execute.ts';
import type { Judgement } from './verdict.ts';

/** When measured settings are kept. */
export type KeepIf = 'better' | 'not-worse' | 'always';

/** Whether the settings are kept. Only the primary figure decides. */
export function isKept(
  { primary }: { readonly primary: { readonly judgement: Judgement } },
  keepIf: KeepIf,
): boolean {
  const { verdict, notWorse } = primary.judgement;
  if (keepIf === 'always') return true;
  return keepIf === 'better' ? verdict === 'better' : notWorse;
}

interface Measured {
  readonly primary: { readonly name: string; readonly judgement: Judgement };
  /** In lines. */
  readonly text: readonly string[];
}

/**
 * The result of an experiment: the report for the journal, and why the settings are undone, if they are.
 *
 * @param found the result of the deciding figure, in words.
 * @param ended why it ended early; undefined if it did not.
 */
export function trialResult(
  measured: Measured,
  found: string,
  keepIf: KeepIf,
  ended: Failure | undefined,
): Awaited<ReturnType<Trial>> {
  if (ended !== undefined) return { failure: ended, measured };
  if (isKept(measured, keepIf)) return { measured };
  const wanted = keepIf === 'better' ? 'better' : 'not worse';
  const message = `${found}; not kept, since ${JSON.stringify(measured.primary.name)} had to be ${wanted}`;
  return { failure: { code: 'TUNE_MEASURE', message }, measured };
}

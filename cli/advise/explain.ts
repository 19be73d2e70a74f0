import { readFileSync } from 'node:fs';
import { ADVICE_KINDS, type Advice, type AdviceKind, type VmRef } from '../../advice/advice.ts';
import { pageOf } from '../../advice/report.ts';
import { matchesGlob } from '../../model/glob.ts';
import { packageFolder } from '../../sampler/package-folder.ts';
import { UsageError } from '../usage-error.ts';

/**
 * The advice that `--explain` selects by ID or kind; all of it without the option. @throws UsageError for an unknown ID
 */
export function explained(all: readonly Advice[], explain: string | undefined): readonly Advice[] {
  if (explain === undefined) return all;
  const found = all.filter(({ id, kind }) => id === explain || kind === explain);
  if (found.length === 0 && kindOf(explain) === undefined) {
    throw new UsageError(
      `no current advice has the ID ${JSON.stringify(explain)}; virtune advise lists current IDs`,
    );
  }
  return found;
}

/** With `--explain`, prints the page about the kind. */
export function printPage(explain: string | undefined, advice: readonly Advice[]): void {
  if (explain === undefined) return;
  const kind = advice[0]?.kind ?? kindOf(explain);
  if (kind !== undefined) process.stdout.write(`\n${readPage(kind)}`);
}

/** An ID begins with its kind. @throws UsageError */
export function refuseUnknownKind(explain: string | undefined): void {
  if (explain === undefined || kindOf(explain.replace(/:.*/, '')) !== undefined) return;
  throw new UsageError(
    `no kind of advice is called ${JSON.stringify(explain)}; virtune advise lists IDs; kinds are ${ADVICE_KINDS.join(', ')}`,
  );
}

const kindOf = (text: string): AdviceKind | undefined => ADVICE_KINDS.find((kind) => kind === text);

function readPage(kind: AdviceKind): string {
  return readFileSync(new URL(pageOf(kind), packageFolder()), 'utf8');
}

/** Undefined without domains. @throws UsageError for one that matches no VM */
export function matcherOf(
  domains: readonly string[],
  vms: readonly VmRef[],
): ((vm: VmRef) => boolean) | undefined {
  if (domains.length === 0) return undefined;
  const matches = (pattern: string, { name, uuid }: VmRef): boolean =>
    name === pattern || uuid === pattern || matchesGlob(pattern, name);
  const unmatched = domains.find((pattern) => !vms.some((vm) => matches(pattern, vm)));
  if (unmatched !== undefined)
    throw new UsageError(`no domain matches ${JSON.stringify(unmatched)}; virsh list --all lists them`);
  return (vm) => domains.some((pattern) => matches(pattern, vm));
}

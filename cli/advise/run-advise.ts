import { readFileSync } from 'node:fs';
import { isAbout } from '../../advice/about.ts';
import { ADVICE_KINDS, type Advice, type AdviceKind, type VmRef } from '../../advice/advice.ts';
import { answerJson } from '../../advice/advice-json.ts';
import { answerOf } from '../../advice/answer.ts';
import { advise, withoutRefused } from '../../advice/engine.ts';
import type { HostObservation } from '../../advice/observation.ts';
import { pageOf, reportAnswer } from '../../advice/report.ts';
import { matchesGlob } from '../../model/glob.ts';
import { jsonText } from '../../model/json-text.ts';
import { packageFolder } from '../../sampler/package-folder.ts';
import { openLibrary } from '../tune/session.ts';
import { UsageError } from '../usage-error.ts';
import type { AdviseFlags } from './flags.ts';
import { observeLive, observeRecording } from './observe.ts';
import { Planner } from './planner.ts';

/** Samples with rates without which figures of load say nothing. */
const MIN_SAMPLES = 5;

/** Observes, advises and prints. `isGiven`: whether a flag is on the command line. */
export async function runAdvise(
  domains: readonly string[],
  flags: AdviseFlags,
  isGiven: (flag: string) => boolean,
): Promise<void> {
  const given = [isGiven('connect'), flags.demo !== undefined, flags.replay !== undefined];
  if (given.filter(Boolean).length > 1)
    throw new UsageError('--connect, --demo and --replay cannot be combined');
  refuseUnknownKind(flags.explain);
  if (flags.replay !== undefined) {
    if (isGiven('for') || isGiven('every'))
      throw new UsageError('--replay reads the whole recording; --for and --every are for hosts');
    for (const { name, observation } of observeRecording(flags.replay)) {
      print(name, observation, advise(observation, { minSamples: MIN_SAMPLES }), domains, flags);
    }
    return;
  }
  // Before two minutes of observation, rather than after them.
  openLibrary(flags);
  const isThere = (observation: HostObservation): void => void matcherOf(domains, observation);
  await observeLive(flags, isThere, async ({ name, observation, uri }) => {
    const found = advise(observation, { minSamples: MIN_SAMPLES });
    const planner = new Planner(uri, flags.profiles);
    const advice = await withoutRefused(found, (profile) => planner.refusal(profile));
    print(name, observation, advice, domains, flags);
  });
}

function print(
  name: string,
  observation: HostObservation,
  all: readonly Advice[],
  domains: readonly string[],
  { json, explain }: AdviseFlags,
): void {
  const matches = matcherOf(domains, observation);
  const about = all.filter((each) => matches === undefined || isAbout(each, matches));
  const advice =
    explain === undefined ? about : about.filter(({ id, kind }) => id === explain || kind === explain);
  if (explain !== undefined && advice.length === 0 && kindOf(explain) === undefined) {
    throw new UsageError(
      `no advice has the ID ${JSON.stringify(explain)} now; virtune advise lists those that it has`,
    );
  }
  const answer = answerOf(observation, advice, MIN_SAMPLES);
  if (json === true) {
    process.stdout.write(`${jsonText(answerJson(name, observation, answer))}\n`);
    return;
  }
  process.stdout.write(reportAnswer(name, observation, answer, { whole: explain !== undefined }));
  const kind = advice[0]?.kind ?? (explain === undefined ? undefined : kindOf(explain));
  if (explain !== undefined && kind !== undefined) process.stdout.write(`\n${readPage(kind)}`);
}

/** An ID begins with its kind. @throws UsageError */
function refuseUnknownKind(explain: string | undefined): void {
  if (explain === undefined || kindOf(explain.replace(/:.*/, '')) !== undefined) return;
  throw new UsageError(
    `no advice is of the kind ${JSON.stringify(explain)}; virtune advise lists IDs, and kinds are ${ADVICE_KINDS.join(', ')}`,
  );
}

const kindOf = (text: string): AdviceKind | undefined => ADVICE_KINDS.find((kind) => kind === text);

function readPage(kind: AdviceKind): string {
  return readFileSync(new URL(pageOf(kind), packageFolder()), 'utf8');
}

/** Undefined without domains. @throws UsageError for one that matches no VM */
function matcherOf(
  domains: readonly string[],
  { vms }: HostObservation,
): ((vm: VmRef) => boolean) | undefined {
  if (domains.length === 0) return undefined;
  const matches = (pattern: string, { name, uuid }: VmRef): boolean =>
    name === pattern || uuid === pattern || matchesGlob(pattern, name);
  const unmatched = domains.find((pattern) => !vms.some((vm) => matches(pattern, vm)));
  if (unmatched !== undefined)
    throw new UsageError(`no domain matches ${JSON.stringify(unmatched)}; virsh list --all lists them`);
  return (vm) => domains.some((pattern) => matches(pattern, vm));
}

import { isAbout } from '../../advice/about.ts';
import type { Advice } from '../../advice/advice.ts';
import { answerJson } from '../../advice/advice-json.ts';
import { answerOf } from '../../advice/answer.ts';
import { advise, withoutRefused } from '../../advice/engine.ts';
import type { HostObservation } from '../../advice/observation.ts';
import { reportAnswer } from '../../advice/report.ts';
import { jsonText } from '../../model/json-text.ts';
import { openLibrary } from '../tune/session.ts';
import { UsageError } from '../usage-error.ts';
import { explained, matcherOf, printPage, refuseUnknownKind } from './explain.ts';
import type { AdviseFlags } from './flags.ts';
import { observeLive, observeRecording } from './observe.ts';
import { Planner } from './planner.ts';

/** With fewer samples with rates, load figures are meaningless. */
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
  // Fail before two minutes of observation, rather than after them.
  await openLibrary(flags);
  const isThere = (observation: HostObservation): void => void matcherOf(domains, observation.vms);
  await observeLive(flags, isThere, async ({ name, observation, uri, isDemo }) => {
    const found = advise(observation, { minSamples: MIN_SAMPLES });
    const planner = new Planner(uri, flags);
    const advice = await withoutRefused(found, (profile) => planner.refusal(profile));
    print(name, observation, advice, domains, { ...flags, isDemo });
  });
}

function print(
  name: string,
  observation: HostObservation,
  all: readonly Advice[],
  domains: readonly string[],
  { json, explain, isDemo = false }: AdviseFlags & { readonly isDemo?: boolean },
): void {
  const matches = matcherOf(domains, observation.vms);
  const about = all.filter((each) => matches === undefined || isAbout(each, matches));
  const advice = explained(about, explain);
  const answer = answerOf(observation, advice, MIN_SAMPLES);
  if (json === true) {
    process.stdout.write(`${jsonText(answerJson(name, observation, answer, { isDemo }))}\n`);
    return;
  }
  process.stdout.write(reportAnswer(name, observation, answer, { whole: explain !== undefined }));
  printPage(explain, advice);
}

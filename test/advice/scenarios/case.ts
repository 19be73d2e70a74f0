import type { Advice, AdviceKind } from '../../../advice/advice.ts';
import { answerOf } from '../../../advice/answer.ts';
import { advise } from '../../../advice/engine.ts';
import { reportAnswer } from '../../../advice/report.ts';
import { shellLine } from '../../../model/shell-command.ts';
import { World } from '../world.ts';
import { addCleanVms } from './clean.ts';
import { Draft } from './draft.ts';
import { FAULTS, type Fault } from './faults.ts';

const START_MS = Date.parse('2026-03-02T10:00:00Z');
const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const SAMPLES = 8;
const MIN_SAMPLES = 5;

/** A fault that was injected into a host. */
export interface Truth {
  readonly kind: AdviceKind;
  /** Names; empty for a fault of the host. */
  readonly vms: readonly string[];
}

export interface Case {
  readonly draft: Draft;
  readonly truths: readonly Truth[];
  readonly startMs: number;
}

/** A host with a fault of that kind, and mostly with others that can occur together; undefined: without faults. */
export function makeCase(kind: AdviceKind | undefined, seed: number): Case {
  const draft = new Draft(
    seed * 7_919 + (kind === undefined ? 0 : FAULTS.findIndex((fault) => fault.kind === kind) + 1),
  );
  addCleanVms(draft);
  const first = FAULTS.find((fault) => fault.kind === kind);
  const chosen = first === undefined ? [] : [first, ...companions(draft, first)];
  // A fault of the host is injected last, and takes everything else on it into account.
  const ordered = chosen.toSorted((a, b) => Number(a.scope === 'host') - Number(b.scope === 'host'));
  const truths = ordered.map((fault) => ({
    kind: fault.kind,
    vms: fault.inject(draft).map(({ name }) => name),
  }));
  const startMs = START_MS + draft.between(0, 300) * DAY_MS + draft.between(0, 8) * HOUR_MS;
  return { draft, truths, startMs };
}

function companions(draft: Draft, first: Fault): Fault[] {
  const fitting = FAULTS.filter(
    (fault) =>
      fault !== first &&
      // Slow to observe: only if requested.
      fault.kind !== 'vm-unresponsive' &&
      (first.scope === 'host' ? fault.scope === 'definition' : fault.scope !== 'host') &&
      // KSM and huge pages are compared with the host's free memory.
      !(first.kind === 'host-memory-short' && ['ksm-dependence', 'hugepages-short'].includes(fault.kind)),
  );
  const count = draft.between(0, 2);
  return Array.from(
    { length: count },
    () => fitting.splice(draft.between(0, fitting.length - 1), 1)[0] as Fault,
  );
}

export async function startCase({ draft, startMs }: Case): Promise<World> {
  const world = await World.start(draft.input, { startMs, augment: draft.augmented() });
  await draft.prepare(world);
  return world;
}

export async function adviceFor(world: World): Promise<Advice[]> {
  return (await reportFor(world)).advice;
}

/** Includes the full output of `virtune advise`, with commands as on a host without the test's socket. */
export async function reportFor(world: World): Promise<{ readonly advice: Advice[]; readonly text: string }> {
  const observation = await world.observe(SAMPLES);
  const advice = advise(observation, { minSamples: MIN_SAMPLES });
  const answer = answerOf(observation, advice, MIN_SAMPLES);
  const text = reportAnswer('kvm1', observation, answer, { whole: true });
  return { advice, text: text.replaceAll(shellLine([world.uri]), 'qemu:///system') };
}

export interface Score {
  hits: number;
  misses: number;
  falseAlarms: number;
}

/** Adds which faults advice found, missed or reported wrongly, by kind. */
export function score(
  truths: readonly Truth[],
  advice: readonly Advice[],
  scores: Map<AdviceKind, Score>,
): string[] {
  const wrong: string[] = [];
  const of = (kind: AdviceKind): Score => {
    const known = scores.get(kind) ?? { hits: 0, misses: 0, falseAlarms: 0 };
    scores.set(kind, known);
    return known;
  };
  const names = (each: Advice): string[] => [...each.victims, ...each.culprits].map(({ name }) => name);
  const explained = new Set<Advice>();
  for (const { kind, vms } of truths) {
    const found = advice.filter(
      (each) => each.kind === kind && (vms.length === 0 || names(each).some((name) => vms.includes(name))),
    );
    for (const each of found) explained.add(each);
    if (found.length > 0) of(kind).hits++;
    else {
      of(kind).misses++;
      wrong.push(`missed ${kind} of ${vms.join(', ')}`);
    }
  }
  for (const each of advice) {
    if (explained.has(each)) continue;
    of(each.kind).falseAlarms++;
    wrong.push(`false ${each.id}: ${each.title}, ${names(each).join(', ')}`);
  }
  return wrong;
}

import { CpuSet } from '../../model/cpu-set.ts';
import type { DomainState, HostFacts } from '../facts/facts.ts';
import { brokenOnHost, type HostViolation, isKnown, knownViolation } from '../invariants/violations.ts';
import type { StepProgress } from '../journal/progress.ts';
import type { JournalHeader } from '../journal/records.ts';
import type { Step } from '../steps/step.ts';
import type { HostState } from './host-state.ts';
import { RECOVER_NEXT, reason } from './obstacle.ts';
import { undoOrder } from './order.ts';
import { forwardChanges, type LiveSettingChange, statesAfter } from './states-after.ts';

/** What an undo leads to, as far as it is safe. */
export interface Outlook {
  /**
   * UUIDs of running domains whose placement stays until their next boot: they run with something that only a boot
   * removes, and that is harmless only with this placement.
   */
  readonly waiting: ReadonlySet<string>;
  /** What would still be broken, and was not before. */
  readonly broken: readonly HostViolation[];
  /** The domains once everything is undone. */
  readonly after: readonly DomainState[];
}

/** Placement that makes a real-time class, a hint of dedicated CPUs or locked memory harmless in a running domain. */
const PLACEMENT_STEPS: ReadonlySet<Step['kind']> = new Set([
  'vcpuPin',
  'emulatorPin',
  'ioThreadPin',
  'memoryLimits',
  'numaNodeset',
]);

/** Whether an undo leaves this step until the domain's next boot. */
export function waitsForBoot({ waiting }: Pick<Outlook, 'waiting'>, step: Step): boolean {
  return 'domain' in step && PLACEMENT_STEPS.has(step.kind) && waiting.has(step.domain.uuid);
}

export interface Undoable {
  readonly header: JournalHeader;
  /** Steps of the transaction, then the restarts that its rollback adds. */
  readonly steps: readonly { readonly step: Step; readonly progress: StepProgress }[];
  /** Whether restarts of the transaction itself are undone, as after an interrupted run. */
  readonly undoesRestarts: boolean;
}

/** The host with the CPUs that the transaction's plan reserved for it. */
export function hostAsPlanned(host: HostFacts, { hostCpus }: Pick<JournalHeader, 'hostCpus'>): HostFacts {
  return hostCpus === undefined ? host : { ...host, hostCpus: CpuSet.parse(hostCpus) };
}

/**
 * What other states of the domains would break that the host does not break now. Violations from before the transaction
 * may return, also in the running domain: a boot of the old definition restores them.
 */
function newlyBrokenOn(
  { host, domains }: HostState,
  header: JournalHeader,
): (states: readonly DomainState[]) => HostViolation[] {
  const planned = hostAsPlanned(host, header);
  const now = brokenOnHost(planned, domains).map(knownViolation);
  return (states) =>
    brokenOnHost(planned, states).filter(
      (each) => !isKnown(each, now) && !isKnown(each, header.violations ?? [], { anyView: true }),
    );
}

/**
 * Pure. Judges the state that an undo leads to, as a plan is judged: no domain may end up on CPUs that others were
 * given since, or lose its placement while it keeps what only a boot removes. `blocked`: UUIDs of domains that stay as
 * they are.
 */
export function outlookOf(
  { host, domains }: HostState,
  undoable: Undoable,
  blocked: ReadonlySet<string> = new Set(),
  newlyBroken = newlyBrokenOn({ host, domains }, undoable.header),
): Outlook {
  const changes = changesOf(undoable, domains).filter(
    ({ step }) => !('domain' in step && blocked.has(step.domain.uuid)),
  );
  const waiting = new Set<string>();
  for (;;) {
    const done = changes.filter(({ step }) => !waitsForBoot({ waiting }, step));
    const after = statesAfter(domains, done);
    const broken = newlyBroken(after);
    const more = broken
      .filter(({ view }) => view === 'live')
      .map(({ state }) => state.domain.uuid)
      .filter((uuid) => done.some(({ step }) => isPlacementOf(step, uuid)));
    if (more.length === 0) return { waiting, broken, after };
    for (const uuid of more) waiting.add(uuid);
  }
}

const isPlacementOf = (step: Step, uuid: string): boolean =>
  PLACEMENT_STEPS.has(step.kind) && 'domain' in step && step.domain.uuid === uuid;

/** Domains whose undo would endanger others now, by UUID, with the reason. The rest can be undone. */
export function blockedDomains(ground: HostState, undoable: Undoable): ReadonlyMap<string, string> {
  const blocked = new Map<string, string>();
  const newlyBroken = newlyBrokenOn(ground, undoable.header);
  const own = new Set(undoable.header.domains.map(({ domain }) => domain.uuid));
  for (;;) {
    const { broken } = outlookOf(ground, undoable, new Set(blocked.keys()), newlyBroken);
    const free = [...own].filter((uuid) => !blocked.has(uuid));
    if (broken.length === 0 || free.length === 0) return blocked;
    const left = free.map((uuid) => ({
      uuid,
      count: outlookOf(ground, undoable, new Set([...blocked.keys(), uuid]), newlyBroken).broken.length,
    }));
    const best = left.reduce((a, b) => (b.count < a.count ? b : a)).uuid;
    const name = ground.domains.find(({ domain }) => domain.uuid === best)?.domain.name;
    const about = broken.filter(
      ({ state, violation }) => state.domain.uuid === best || violation.other === name,
    );
    blocked.set(
      best,
      reason(undoable.header, ground.domains, about.length > 0 ? about : broken, RECOVER_NEXT),
    );
  }
}

/** Pure. What finishing an interrupted run would break that is not broken now and was not before it. */
export function brokenIfFinished(
  { host, domains }: HostState,
  { header, steps }: Pick<Undoable, 'header' | 'steps'>,
): HostViolation[] {
  const left = steps.flatMap(({ step, progress }) =>
    progress.kind === 'untouched' || progress.kind === 'doing' ? [step] : [],
  );
  return newlyBrokenOn({ host, domains }, header)(statesAfter(domains, forwardChanges(left)));
}

/** What each step of an undo sets, in undo order. */
function changesOf(
  { header, steps, undoesRestarts }: Undoable,
  domains: readonly DomainState[],
): LiveSettingChange[] {
  const all = steps.map(({ step }) => step);
  const own = header.steps.length;
  const runs = new Map(domains.map(({ domain }) => [domain.uuid, domain.id]));
  return undoOrder(all.slice(0, own), all.slice(own)).flatMap(({ index, how }): LiveSettingChange[] => {
    const found = steps[index];
    if (found === undefined || !('domain' in found.step)) return [];
    const { step, progress } = found;
    if (how === 'execute') return progress.kind === 'done' ? [] : [{ step, to: undefined }];
    const begun = progress.kind === 'undoing' ? progress.before : progress;
    if (begun.kind !== 'doing' && begun.kind !== 'done') return [];
    if (step.kind !== 'restart') return [{ step, to: begun.was }];
    // A restart that never happened needs no undo.
    const wasRun =
      typeof begun.was === 'object' && begun.was !== null && 'id' in begun.was ? begun.was.id : null;
    return undoesRestarts && wasRun !== runs.get(step.domain.uuid) ? [{ step, to: undefined }] : [];
  });
}

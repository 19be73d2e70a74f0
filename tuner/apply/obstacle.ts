import { CpuSet } from '../../model/cpu-set.ts';
import { shellLine } from '../../model/shell-command.ts';
import type { DomainState, DomainView } from '../facts/facts.ts';
import type { HostViolation } from '../invariants/violations.ts';
import type { JournalHeader } from '../journal/records.ts';
import { markOf } from '../plan/plan.ts';
import { quoted } from '../steps/domain-run.ts';

/** Next steps that a refused command offers. */
interface NextSteps {
  /** For a domain of the transaction that has to boot first. */
  readonly restart: string;
  /** How to proceed, after the obstacle is named. */
  readonly proceed: string;
}
const FORCE = 'or use --force to proceed anyway';
const ROLLBACK_NEXT: NextSteps = { restart: 'restart it now with --restart', proceed: FORCE };
export const RECOVER_NEXT: NextSteps = {
  restart: 'restart it, then run virtune tune recover again',
  proceed: FORCE,
};
/** A run that cannot be finished is undone at once, leaving nothing to force: only a new plan makes the change. */
export const FINISH_NEXT: NextSteps = {
  restart: 'restart it first',
  proceed: 'then make a new plan (virtune tune plan)',
};

/** What an undo would break, which VM is in the way, and what to do first. */
export function reason(
  header: JournalHeader,
  domains: readonly DomainState[],
  broken: readonly HostViolation[],
  next: NextSteps = ROLLBACK_NEXT,
): string {
  const texts = broken.map(
    ({ state, view, violation: { code, text } }) =>
      `${quoted(state.domain)} would violate ${code}${view === 'live' ? ' while running' : ' at its next boot'}: ${text}`,
  );
  return `${[...new Set(texts)].join('; ')}; ${nextOf(header, domains, broken, next)}`;
}

function nextOf(
  header: JournalHeader,
  domains: readonly DomainState[],
  broken: readonly HostViolation[],
  { restart, proceed }: NextSteps,
): string {
  const own = new Set(header.domains.map(({ domain }) => domain.uuid));
  const involved = new Set(broken.flatMap(({ state, violation }) => [state.domain.name, violation.other]));
  const others = domains.filter(({ domain }) => involved.has(domain.name) && !own.has(domain.uuid));
  const [tuned] = others.flatMap((state) => {
    const mark = markOf(state);
    return mark !== undefined && mark.at > header.at ? [{ state, mark }] : [];
  });
  if (tuned !== undefined) {
    const { state, mark } = tuned;
    return `transaction ${mark.id} has since tuned ${quoted(state.domain)} (profile ${mark.profile}, ${mark.at}), perhaps from another state folder: roll that transaction back first (${shellLine(['virtune', 'tune', 'rollback', mark.id])}), ${proceed}`;
  }
  // Violations that a boot of the VM itself does not remove.
  const lasting = broken.filter(({ state, view }) => view === 'inactive' || state.inactive === undefined);
  const [placed] = others.flatMap((state) => {
    const pins = pinsOn(state.inactive ?? state.live, cpusSharedWith(state, lasting));
    return pins === undefined ? [] : [{ state, pins }];
  });
  if (placed !== undefined) {
    const { state, pins } = placed;
    return `${quoted(state.domain)} has ${pins}, not set by a later virtune transaction: move or unpin it first (virsh vcpupin, emulatorpin, iothreadpin with --live --config), ${proceed}`;
  }
  const isLasting = (uuid: string): boolean => lasting.some(({ state }) => state.domain.uuid === uuid);
  const [boots] = [
    ...broken.map(({ state }) => state).filter(({ domain }) => !isLasting(domain.uuid)),
    ...others.filter((state) => pinsOn(state.live, cpusSharedWith(state, broken)) !== undefined),
  ];
  if (boots !== undefined) {
    const { domain } = boots;
    const how = own.has(domain.uuid) ? restart : 'restart it first';
    return `${quoted(domain)} keeps its boot-time settings until its next boot: ${how}, ${proceed}`;
  }
  const names = others.map(({ domain }) => quoted(domain)).join(' and ');
  return names === '' ? `check the definition, ${proceed}` : `move ${names} to other CPUs first, ${proceed}`;
}

/** CPUs that a domain and another one would both use. */
function cpusSharedWith({ domain }: DomainState, broken: readonly HostViolation[]): CpuSet {
  return broken
    .filter(({ state, violation }) => [state.domain.name, violation.other].includes(domain.name))
    .reduce((all, { violation }) => all.union(violation.cpus ?? CpuSet.empty), CpuSet.empty);
}

/** Threads of a domain that are pinned to some of these CPUs, in words; undefined if there are none. */
function pinsOn(view: DomainView | undefined, cpus: CpuSet): string | undefined {
  if (view === undefined) return undefined;
  const { vcpusMaximum, cpuSet, vcpuPins, emulatorPin, ioThreadPins } = view.facts.cpu;
  const vcpus = Array.from({ length: vcpusMaximum ?? 0 }, (_, vcpu) => vcpuPins.get(vcpu) ?? cpuSet);
  const found = [
    ...vcpus.map((pin, vcpu) => ({ thread: `vCPU ${vcpu}`, pin })),
    { thread: 'its emulator', pin: emulatorPin },
    ...[...ioThreadPins].map(([id, pin]) => ({ thread: `iothread ${id}`, pin })),
  ].flatMap(({ thread, pin = CpuSet.empty }) =>
    pin.intersection(cpus).size > 0 ? [`${thread} on CPUs ${pin}`] : [],
  );
  return found.length === 0 ? undefined : found.join(', ');
}

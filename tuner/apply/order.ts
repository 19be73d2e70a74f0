import type { Step } from '../steps/step.ts';

/** The valid order of a domain's steps. A restart takes everything from the definition, so live steps come after it. */
const PHASES = ['ioThread', 'live', 'ioThread gone', 'definition', 'restart', 'mark'] as const;
const PHASES_WITH_RESTART = ['definition', 'restart', 'ioThread', 'live', 'ioThread gone', 'mark'] as const;
type Phase = (typeof PHASES)[number];

function phaseOf(step: Step): Phase {
  switch (step.kind) {
    case 'ioThread':
      return step.to === 'present' ? 'ioThread' : 'ioThread gone';
    case 'definition':
    case 'restart':
    case 'mark':
      return step.kind;
    default:
      return 'live';
  }
}

/** The UUID of the step's domain; undefined for the host. */
const ownerOf = (step: Step): string | undefined => ('domain' in step ? step.domain.uuid : undefined);

/**
 * The steps in an order that is valid at each point, otherwise as given: first what domains depend on, then domain by
 * domain, and last what they no longer depend on.
 */
export function inValidOrder(steps: readonly Step[], shrinks: (step: Step) => boolean): Step[] {
  const host = steps.filter((step) => ownerOf(step) === undefined);
  const owners = new Set(steps.flatMap((step) => ownerOf(step) ?? []));
  const ofDomains = [...owners].flatMap((owner) => {
    const own = steps.filter((step) => ownerOf(step) === owner);
    const phases = own.some(({ kind }) => kind === 'restart') ? PHASES_WITH_RESTART : PHASES;
    return phases.flatMap((phase) => own.filter((step) => phaseOf(step) === phase));
  });
  return [...host.filter((step) => !shrinks(step)), ...ofDomains, ...host.filter(shrinks)];
}

/** One operation of an undo. */
export interface UndoOperation {
  readonly index: number;
  /** `execute`: a restart that the undo itself asks for. */
  readonly how: 'undo' | 'execute';
}

/**
 * The order of an undo: the steps in reverse, but a domain is restarted only once it has its old definition again.
 * `restarts` come after the steps, with the indexes that follow.
 */
export function undoOrder(steps: readonly Step[], restarts: readonly Step[]): UndoOperation[] {
  const all = [...steps, ...restarts];
  const order = steps
    .map((_, index): UndoOperation => ({ index, how: 'undo' }))
    .filter(({ index }) => all[index]?.kind !== 'restart')
    .reverse();
  const isRestart = (index: number): boolean => all[index]?.kind === 'restart';
  const waiting = all.flatMap((_, index): UndoOperation[] =>
    isRestart(index) ? [{ index, how: index < steps.length ? 'undo' : 'execute' }] : [],
  );
  for (const operation of waiting) {
    const owner = ownerOf(all[operation.index] as Step);
    const defined = order.findIndex(
      ({ index }) => all[index]?.kind === 'definition' && ownerOf(all[index]) === owner,
    );
    // Without a definition step, the restart only took an earlier definition.
    order.splice(defined < 0 ? 0 : defined + 1, 0, operation);
  }
  return order;
}

import type { Step } from '../steps/step.ts';

/** In which order the steps of one domain are valid. A restart takes all from the definition, so what is live comes after it. */
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

/** Of what a step is: the host has no UUID. */
const ownerOf = (step: Step): string | undefined => ('domain' in step ? step.domain.uuid : undefined);

/**
 * The steps in an order that is valid at each point, and their own where that is free: what domains stand on
 * first, then domain by domain, and last what they no longer stand on.
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

/** One thing to do on the way back. */
export interface UndoOperation {
  readonly index: number;
  /** `forth`: a restart that the way back itself asks for. */
  readonly how: 'back' | 'forth';
}

/**
 * The way back: the steps in reverse, but a domain is restarted only once it has its old definition again.
 * `restarts` come after the steps, with the indexes that follow.
 */
export function undoOrder(steps: readonly Step[], restarts: readonly Step[]): UndoOperation[] {
  const all = [...steps, ...restarts];
  const order = steps
    .map((_, index): UndoOperation => ({ index, how: 'back' }))
    .filter(({ index }) => all[index]?.kind !== 'restart')
    .reverse();
  const isRestart = (index: number): boolean => all[index]?.kind === 'restart';
  const waiting = all.flatMap((_, index): UndoOperation[] =>
    isRestart(index) ? [{ index, how: index < steps.length ? 'back' : 'forth' }] : [],
  );
  for (const operation of waiting) {
    const owner = ownerOf(all[operation.index] as Step);
    const defined = order.findIndex(
      ({ index }) => all[index]?.kind === 'definition' && ownerOf(all[index]) === owner,
    );
    // One without a definition now was restarted for what it was defined as before.
    order.splice(defined < 0 ? 0 : defined + 1, 0, operation);
  }
  return order;
}

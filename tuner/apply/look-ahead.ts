import { LibvirtClientError } from '../../libvirt/errors.ts';
import { VirtuneError } from '../../model/virtune-error.ts';
import { quoted } from '../steps/domain-run.ts';
import type { Step } from '../steps/step.ts';
import type { Work } from './execute.ts';
import { readHostState } from './host-state.ts';
import { heldBack, type Outlook, outlookOf, waitsForBoot } from './outlook.ts';
import { notJudged, type UndoOptions } from './undo.ts';

/**
 * What a recovery leaves alone: places that are unsafe to undo before a boot, and domains whose place others have now;
 * everything, the host's own settings too, while the domains of the host cannot be read, since nobody can judge then what
 * the undo leads to.
 */
export async function lookAhead(
  { journal, link }: Work,
  { force, cutOff = false }: Pick<UndoOptions, 'force' | 'cutOff'>,
): Promise<Pick<UndoOptions, 'leave' | 'held'>> {
  if (force || !cutOff) return {};
  const { header, events, progress } = journal;
  const isRollback = events.some(({ event }) => event === 'rollback');
  const undoable = { header, steps: progress.steps, undoesRestarts: !isRollback };
  try {
    const ground = await link.patiently(() => readHostState(link, header.uri));
    const held = heldBack(ground, undoable);
    return { held: heldWith(held), leave: leftForBoot(outlookOf(ground, undoable, new Set(held.keys()))) };
  } catch (error) {
    if (!isExpected(error)) throw error;
    const why = notJudged(error);
    return { held: () => why };
  }
}

/**
 * As `UndoOptions.held`: these domains, by UUID and with why. What was done to the host stays with any of them: its
 * definition may depend on it.
 */
export function heldWith(domains: ReadonlyMap<string, string>): (step: Step) => string | undefined {
  const [first] = domains.values();
  return (step) => ('domain' in step ? domains.get(step.domain.uuid) : first);
}

/** Of libvirt, of its connection, or of what it answered; anything else is a fault of the judgement itself. */
function isExpected(error: unknown): error is Error {
  return error instanceof LibvirtClientError || error instanceof VirtuneError;
}

/** As `UndoOptions.leave`: places that wait for a boot, with a note for the journal. */
export function leftForBoot(outlook: Pick<Outlook, 'waiting'>): (step: Step) => boolean | string {
  return (step) =>
    waitsForBoot(outlook, step) &&
    'domain' in step &&
    `it stays unchanged until the next boot of ${quoted(step.domain)}`;
}

import { quoted } from '../steps/domain-run.ts';
import type { Step } from '../steps/step.ts';
import type { Work } from './execute.ts';
import { readHostState } from './host-state.ts';
import { heldBack, type Outlook, outlookOf, waitsForBoot } from './outlook.ts';
import type { UndoOptions } from './undo.ts';

/**
 * What a recovery leaves alone: places that are unsafe to undo before a boot, and domains whose place others have now. A
 * libvirt that cannot be read now undoes nothing either, and each step will say so.
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
    const ground = await readHostState(link, header.uri);
    const held = heldBack(ground, undoable);
    return { held, leave: leftForBoot(outlookOf(ground, undoable, new Set(held.keys()))) };
  } catch {
    return {};
  }
}

/** As `UndoOptions.leave`: places that wait for a boot, with a note for the journal. */
export function leftForBoot(outlook: Pick<Outlook, 'waiting'>): (step: Step) => boolean | string {
  return (step) =>
    waitsForBoot(outlook, step) &&
    'domain' in step &&
    `it stays unchanged until the next boot of ${quoted(step.domain)}`;
}

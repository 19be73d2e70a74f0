import { LibvirtClientError } from '../../libvirt/errors.ts';
import { VirtuneError } from '../../model/virtune-error.ts';
import { quoted } from '../steps/domain-run.ts';
import type { Step } from '../steps/step.ts';
import type { Work } from './execute.ts';
import { readHostState } from './host-state.ts';
import { heldBack, type Outlook, outlookOf, waitsForBoot } from './outlook.ts';
import { notJudged, type UndoOptions } from './undo.ts';

/**
 * What a recovery leaves unchanged: pins and memory placement that are unsafe to undo before a boot, and domains whose
 * old place others use now. That is everything, including host settings, while the host's domains cannot be read: then
 * the result of the undo cannot be judged.
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
 * As `UndoOptions.held`: holds these domains, by UUID and with the reason. With any of them, changes to the host are
 * kept too: its definition may depend on them.
 */
export function heldWith(domains: ReadonlyMap<string, string>): (step: Step) => string | undefined {
  const [first] = domains.values();
  return (step) => ('domain' in step ? domains.get(step.domain.uuid) : first);
}

/** Errors of libvirt, of its connection or in its answers; anything else is a bug of the judgement itself. */
function isExpected(error: unknown): error is Error {
  return error instanceof LibvirtClientError || error instanceof VirtuneError;
}

/** As `UndoOptions.leave`: steps that wait for a boot, with a note for the journal. */
export function leftForBoot(outlook: Pick<Outlook, 'waiting'>): (step: Step) => boolean | string {
  return (step) =>
    waitsForBoot(outlook, step) &&
    'domain' in step &&
    `it stays unchanged until the next boot of ${quoted(step.domain)}`;
}

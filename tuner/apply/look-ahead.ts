import { LibvirtClientError } from '../../libvirt/errors.ts';
import { VirtuneError } from '../../model/virtune-error.ts';
import { quoted } from '../steps/domain-run.ts';
import type { Step } from '../steps/step.ts';
import type { Work } from './execute.ts';
import { readHostState } from './host-state.ts';
import { blockedDomains, type Outlook, outlookOf, waitsForBoot } from './outlook.ts';
import { notJudged, type UndoOptions } from './undo.ts';

/**
 * What a recovery leaves unchanged: pins and memory placement that are unsafe to undo before a boot, and domains whose
 * old place others use now. That is everything, including host settings, while the host's domains cannot be read: then
 * the result of the undo cannot be judged.
 */
export async function lookAhead(
  { journal, link }: Work,
  { force, cutOff = false }: Pick<UndoOptions, 'force' | 'cutOff'>,
): Promise<Pick<UndoOptions, 'leave' | 'blocked'>> {
  if (force || !cutOff) return {};
  const { header, events, progress } = journal;
  const isRollback = events.some(({ event }) => event === 'rollback');
  const undoable = { header, steps: progress.steps, undoesRestarts: !isRollback };
  try {
    const ground = await link.retryRefused(() => readHostState(link, header.uri));
    const blocked = blockedDomains(ground, undoable);
    return {
      blocked: blockedBy(blocked),
      leave: leftForBoot(outlookOf(ground, undoable, new Set(blocked.keys()))),
    };
  } catch (error) {
    if (!isExpected(error)) throw error;
    const why = notJudged(error);
    return { blocked: () => why };
  }
}

/**
 * As `UndoOptions.blocked`: these domains, by UUID and with the reason. If there are any, changes to the host are blocked
 * too: their definitions may depend on them.
 */
export function blockedBy(domains: ReadonlyMap<string, string>): (step: Step) => string | undefined {
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

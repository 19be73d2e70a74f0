import { CpuSet } from '../../model/cpu-set.ts';
import { findRun, handle, quoted } from '../steps/domain-run.ts';
import { notTaken } from '../steps/meaning.ts';
import type { Work } from './execute.ts';
import type { HostLink } from './host-link.ts';

/** Notes for users: domains whose definition was restored but that run on as booted, and with which settings. */
export async function boundToNextBoot({ journal, link }: Work): Promise<string[]> {
  if (link.isAway) return [];
  const notes: string[] = [];
  for (const { step, progress } of journal.progress.steps) {
    const saved = journal.header.domains.find(
      ({ domain }) => 'domain' in step && domain.uuid === step.domain.uuid,
    );
    if (step.kind !== 'definition' || progress.kind !== 'undone' || saved?.inactive === undefined) continue;
    if ((await findRun(link, step.domain)).kind !== 'runs') continue;
    const { xml } = await link.call('domainGetXmlDesc', { domain: handle(step.domain), flags: 0 });
    const waiting = notTaken(xml, saved.inactive, { inactive: step.to }, await onlineCpus(link));
    if (waiting.length === 0) continue;
    notes.push(
      `domain ${quoted(step.domain)} keeps these settings until it is shut down and started again: ${waiting.join('; ')}`,
    );
  }
  return notes;
}

async function onlineCpus(link: HostLink): Promise<CpuSet> {
  const { map } = await link.call('nodeGetCpuMap', { needMap: 1, needOnline: 0, flags: 0 });
  return CpuSet.fromBitmap(map);
}

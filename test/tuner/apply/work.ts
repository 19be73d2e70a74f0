import { afterEach } from 'vitest';
import type { Work } from '../../../tuner/apply/execute.ts';
import { HostLink, type HostLinkOptions } from '../../../tuner/apply/host-link.ts';
import { Journal } from '../../../tuner/journal/journal.ts';
import { JOURNAL_FORMAT, type JournalHeader, type NewEvent } from '../../../tuner/journal/records.ts';
import type { Step } from '../../../tuner/steps/step.ts';
import type { FakeDomain, FakeLibvirt } from './fake-libvirt.ts';
import { options, stateFolder, transaction } from './fixtures.ts';

const open: { close(): Promise<void> }[] = [];
afterEach(async () => {
  for (const each of open.splice(0)) await each.close();
});

/** The link through which steps access the host. */
export async function linkTo(libvirt: FakeLibvirt, more: Partial<HostLinkOptions> = {}): Promise<HostLink> {
  const link = new HostLink({
    open: () => libvirt.connect(),
    local: undefined,
    restart: options(libvirt).restart,
    reconnectMs: 20,
    signal: undefined,
    trace: () => undefined,
    say: () => undefined,
    saved: () => undefined,
    ...more,
  });
  await link.open();
  open.push(link);
  return link;
}

/** A transaction that has progressed as these events record. */
export async function workOn(
  libvirt: FakeLibvirt,
  domains: readonly FakeDomain[],
  steps: readonly Step[],
  events: readonly NewEvent[] = [],
  more: { readonly header?: Partial<JournalHeader>; readonly link?: Partial<HostLinkOptions> } = {},
): Promise<Work> {
  const { id, uri, hostname, command, domains: planned, notes } = transaction(domains, steps);
  const header: JournalHeader = {
    ...{ format: JOURNAL_FORMAT, id, at: new Date().toISOString(), version: '1.2.3', command, uri, hostname },
    ...{ domains: [...planned], steps: [...steps], notes: [...notes], ...more.header },
  };
  const journal = await Journal.create(await stateFolder(), header, {
    now: () => new Date(),
    trace: () => undefined,
    onEvent: () => undefined,
  });
  open.push(journal);
  for (const event of events) await journal.append(event);
  const saved = (uuid: string) => planned.find(({ domain }) => domain.uuid === uuid);
  return { journal, link: await linkTo(libvirt, { saved, ...more.link }) };
}

/** The event before a change, on the run with that id. */
export const doing = (step: number, was: unknown, run?: number): NewEvent => ({
  event: 'doing',
  step,
  was,
  run,
});
export const done = (step: number, now: unknown): NewEvent => ({ event: 'done', step, now, proof: [] });

/** Summary of its journal: `undone 1`. */
export const eventsOf = ({ journal }: Work): string[] =>
  journal.events.map((each) => `${each.event}${'step' in each ? ` ${each.step}` : ''}`);

import { existsSync, readdirSync } from 'node:fs';
import { afterEach, expect, test, vi } from 'vitest';
import { applyLocked } from '../../../tuner/apply/apply.ts';
import { recoverLocked } from '../../../tuner/apply/recover.ts';
import { journalPath } from '../../../tuner/journal/journal.ts';
import { fillDisk } from '../journal/full-disk.ts';
import { FakeLibvirt, HOSTNAME } from './fake-libvirt.ts';
import {
  define,
  held,
  options,
  picture,
  pin,
  recovery,
  shares,
  stateFolder,
  transaction,
  transactions,
  UUIDS,
} from './fixtures.ts';

afterEach(() => {
  vi.restoreAllMocks();
});

function oneDomain() {
  const libvirt = new FakeLibvirt();
  const domain = libvirt.add('db01', UUIDS[0]);
  const steps = [pin(domain, 0, '2'), shares(domain, 2048), define(domain, 2048)];
  return { libvirt, planned: transaction([domain], steps), before: picture(libvirt) };
}

test('a journal that cannot be begun is a clear error, and nothing is touched', async () => {
  const { libvirt, planned, before } = oneDomain();
  const folder = await stateFolder();
  fillDisk();
  await expect(applyLocked(await held(), planned, options(libvirt))).rejects.toMatchObject({
    code: 'TUNE_JOURNAL',
  });
  expect(picture(libvirt)).toEqual(before);
  expect(readdirSync(folder.transactions)).toEqual([]);
});

test('a disk that fills up at any line causes an undo, which has room in the journal', async () => {
  const lines = 2 * 3 + 1;
  for (let line = 0; line < lines; line++) {
    const { libvirt, planned, before } = oneDomain();
    const folder = await stateFolder();
    const reserve = `${journalPath(folder, planned.id)}.reserve`;
    let written = 0;
    // Full until the reserve is released.
    fillDisk(0, () => written > line && existsSync(reserve));
    const trace = ({ when, what }: { when: string; what: string }): void => {
      if (when === 'before' && what.startsWith('journal ') && what !== 'journal header') written++;
    };
    const outcome = await applyLocked(await held(), planned, options(libvirt, { trace }));
    expect(outcome).toMatchObject({ kind: 'undone', failure: { code: 'TUNE_JOURNAL' }, notes: [] });
    expect(outcome.failure?.message).toContain('ENOSPC');
    expect(picture(libvirt)).toEqual(before);
    const record = (await transactions()).find(({ id }) => id === planned.id);
    expect(record?.progress.status).toBe('undone');
    vi.restoreAllMocks();
  }
});

test('a disk that stays full does not keep anything from being undone, and recover finds nothing more to do', async () => {
  const { libvirt, planned, before } = oneDomain();
  let full = false;
  fillDisk(0, () => full);
  const trace = ({ what }: { what: string }): void => {
    full ||= what === 'journal done 1';
  };
  const outcome = await applyLocked(await held(), planned, options(libvirt, { trace }));
  expect(outcome).toMatchObject({
    kind: 'undone',
    notes: [expect.stringContaining('ENOSPC'), expect.stringContaining('recover to close it')],
  });
  expect(picture(libvirt)).toEqual(before);
  vi.restoreAllMocks();
  expect((await transactions())[0]?.progress.status).toBe('open');
  expect(await recoverLocked(await held(), HOSTNAME, recovery(libvirt))).toMatchObject([{ kind: 'undone' }]);
  expect(picture(libvirt)).toEqual(before);
  expect((await transactions())[0]?.progress.status).toBe('undone');
});

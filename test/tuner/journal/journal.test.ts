import {
  appendFileSync,
  chmodSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { openStateFolder, type StateFolder } from '../../../tuner/journal/folder.ts';
import {
  Journal,
  type JournalOptions,
  journalPath,
  newTransactionId,
} from '../../../tuner/journal/journal.ts';
import {
  findTransaction,
  lastCommitted,
  listTransactions,
  openTransactions,
  pruneTransactions,
} from '../../../tuner/journal/list.ts';
import { progressOf } from '../../../tuner/journal/progress.ts';
import { parseJournal } from '../../../tuner/journal/read.ts';
import { headerSchema, type JournalHeader, type NewEvent } from '../../../tuner/journal/records.ts';
import { fillDisk } from './full-disk.ts';

const OPTIONS: JournalOptions = {
  now: () => new Date('2026-01-31T10:11:12.345Z'),
  trace: () => undefined,
  onEvent: () => undefined,
};
const DOMAIN = { uuid: '11111111-2222-4333-8444-555555555555', name: 'db "01"\n' };

let path: string;
let folder: StateFolder;
beforeEach(async () => {
  path = mkdtempSync(join(tmpdir(), 'virtune-journal-'));
  folder = await openStateFolder(path);
});
afterEach(() => {
  vi.restoreAllMocks();
  rmSync(path, { recursive: true });
});

function header(id: string, hostname = 'kvm01'): JournalHeader {
  return {
    format: 1,
    id,
    at: '2026-01-31T10:11:12.345Z',
    version: '1.0.0',
    command: 'virtune tune apply',
    uri: 'qemu:///system',
    hostname,
    domains: [{ domain: DOMAIN, inactive: '<domain/>' }],
    steps: [{ kind: 'vcpuPin', domain: DOMAIN, vcpu: 0, to: '1' }],
    notes: [],
  };
}

const EVENTS: readonly NewEvent[] = [
  { event: 'doing', step: 0, was: '0-7', run: 3 },
  { event: 'done', step: 0, now: '1', proof: ['thread 7'] },
  { event: 'committed' },
];

test('a header of an earlier build, which has texts of what was broken, is read without them', () => {
  const old = { ...header('id-1'), broken: ['"db01" would break HINT_SHARES_CPU'] };
  expect(headerSchema.parse(old)).toEqual(header('id-1'));
});

async function written(
  id: string,
  events: readonly NewEvent[] = EVENTS,
  hostname = 'kvm01',
): Promise<string> {
  const journal = await Journal.create(folder, header(id, hostname), OPTIONS);
  for (const event of events) await journal.append(event);
  await journal.close();
  return journal.path;
}

const id = (n: number): string => `20260131T101112Z-00000${n}`;

test('what is written is read back, hostile names and all', async () => {
  const file = await written(id(1));
  const { header: read, events, length } = parseJournal(file, readFileSync(file));
  expect(read).toEqual(header(id(1)));
  expect(events).toEqual(EVENTS.map((event) => ({ ...event, at: '2026-01-31T10:11:12.345Z' })));
  expect(length).toBe(readFileSync(file).length);
});

test('torn at any byte, a journal says what was whole before, and nothing else', async () => {
  const bytes = readFileSync(await written(id(1)));
  const ends = [...bytes.entries()].filter(([, byte]) => byte === 10).map(([at]) => at + 1);
  for (let length = ends[0] as number; length <= bytes.length; length++) {
    const { events, length: whole } = parseJournal('torn', bytes.subarray(0, length));
    expect(whole).toBe(ends.filter((end) => end <= length).at(-1));
    expect(events).toHaveLength(ends.filter((end) => end <= length).length - 1);
  }
  expect(() => parseJournal('torn', bytes.subarray(0, (ends[0] as number) - 1))).toThrow(
    /its first line is incomplete/,
  );
});

test('the next record replaces a torn line', async () => {
  const file = await written(id(1), EVENTS.slice(0, 1));
  appendFileSync(file, '{"event":"done","at":"2026-0');
  const journal = await Journal.resume(folder, id(1), OPTIONS);
  await journal.append({ event: 'undoing', step: 0, to: '0-7' });
  await journal.close();
  expect(parseJournal(file, readFileSync(file)).events.map(({ event }) => event)).toEqual([
    'doing',
    'undoing',
  ]);
});

test('a line in the middle that makes no sense is damage, and is named', async () => {
  const file = await written(id(1));
  const lines = readFileSync(file, 'utf8').split('\n');
  lines[1] = '{"event":"flown","at":"2026-01-31T10:11:12.345Z"}';
  writeFileSync(file, lines.join('\n'));
  expect(() => parseJournal(file, readFileSync(file))).toThrow(/damaged in line 2/);
  const { records, damaged } = await listTransactions(folder);
  expect(records).toEqual([]);
  expect(damaged.map(({ id: bad }) => bad)).toEqual([id(1)]);
  await expect(openTransactions(folder, 'kvm01')).rejects.toMatchObject({ code: 'TUNE_JOURNAL' });
});

test('a journal of a later virtune is refused', () => {
  const later = JSON.stringify({ ...header(id(1)), format: 2 });
  expect(() => parseJournal('later', Buffer.from(`${later}\n`))).toThrow(
    /format 2, but this version of virtune reads formats up to 1/,
  );
});

test('any bytes are either read or refused', () => {
  fc.assert(
    fc.property(fc.uint8Array(), fc.array(fc.string()), (bytes, lines) => {
      const text = [JSON.stringify(header(id(1))), ...lines, ''].join('\n');
      for (const input of [Buffer.from(bytes), Buffer.from(text)]) {
        try {
          parseJournal('fuzz', input);
        } catch (error) {
          expect(error).toMatchObject({ code: 'TUNE_JOURNAL' });
        }
      }
    }),
  );
});

test('a journal that was edited, whatever became of its values, is read or refused, and its progress is known', () => {
  const lines = [header(id(1)), ...EVENTS].map((record) => ({ ...record, at: '2026-01-31T10:11:12.345Z' }));
  const value = fc.oneof(
    fc.jsonValue(),
    fc.integer(),
    fc.constant('__proto__'),
    fc.constant({ toString: 1 }),
  );
  fc.assert(
    fc.property(fc.nat(), fc.nat(), value, fc.boolean(), (line, key, replaced, isRemoved) => {
      const edited = structuredClone(lines) as Record<string, unknown>[];
      const of = edited[line % edited.length] as Record<string, unknown>;
      const name = Object.keys(of)[key % Object.keys(of).length] as string;
      if (isRemoved) delete of[name];
      else of[name] = replaced;
      try {
        const { header: read, events } = parseJournal(
          'edited',
          Buffer.from(`${edited.map((each) => JSON.stringify(each)).join('\n')}\n`),
        );
        const { steps, status } = progressOf(read, events);
        expect(steps.length).toBe(read.steps.length);
        expect(['open', 'committed', 'undone', 'rolled back']).toContain(status);
      } catch (error) {
        expect(error).toMatchObject({ code: 'TUNE_JOURNAL' });
      }
    }),
    { numRuns: 500 },
  );
});

test('a line about a step that the transaction does not have is damage', () => {
  const at = '2026-01-31T10:11:12.345Z';
  const lines = [
    header(id(1)),
    { event: 'done', step: 1, now: '1', proof: [], at },
    { event: 'committed', at },
  ];
  const bytes = Buffer.from(`${lines.map((each) => JSON.stringify(each)).join('\n')}\n`);
  expect(() => parseJournal('edited', bytes)).toThrow(
    /damaged in line 2: it refers to step 2, but the last step is 1/,
  );
});

test('a disk that is full before anything was touched leaves nothing behind', async () => {
  for (const after of [0, 100, 66_000, 66_700]) {
    fillDisk(after);
    const created = Journal.create(folder, header(id(1)), OPTIONS);
    await expect(created).rejects.toMatchObject({
      code: 'TUNE_JOURNAL',
      message: expect.stringMatching(/ENOSPC.*nothing was changed/),
    });
    vi.restoreAllMocks();
    expect(readdirSync(folder.transactions)).toEqual([]);
  }
});

test('a line that the disk has no room for is not written in part', async () => {
  const journal = await Journal.create(folder, header(id(1)), OPTIONS);
  await journal.append(EVENTS[0] as NewEvent);
  fillDisk(10);
  await expect(journal.append(EVENTS[1] as NewEvent)).rejects.toMatchObject({ code: 'TUNE_JOURNAL' });
  vi.restoreAllMocks();
  expect(journal.events).toHaveLength(1);
  await journal.append({ event: 'undoing', step: 0, to: '0-7' });
  await journal.close();
  const { events } = parseJournal(journal.path, readFileSync(journal.path));
  expect(events.map(({ event }) => event)).toEqual(['doing', 'undoing']);
});

test('the disk space that an undo will need is reserved from the beginning, and released', async () => {
  const journal = await Journal.create(folder, header(id(1)), OPTIONS);
  const reserve = `${journal.path}.reserve`;
  expect(readFileSync(reserve).length).toBeGreaterThan(65_536);
  await journal.releaseReserve();
  expect(readdirSync(folder.transactions)).toEqual([`${id(1)}.jsonl`]);
  await journal.close();
});

test('a state folder that others may write to is refused: its journals would be obeyed', async () => {
  chmodSync(folder.transactions, 0o777);
  await expect(openStateFolder(path)).rejects.toMatchObject({
    code: 'TUNE_JOURNAL',
    message: expect.stringContaining('chmod go-w'),
  });
});

test('a state folder where none can be created is an error at once', async () => {
  await expect(openStateFolder('/proc/x')).rejects.toMatchObject({
    code: 'TUNE_JOURNAL',
    message: expect.stringMatching(
      /^the state folder \/proc\/x cannot be created: ENOENT: .*; choose another one with --state-dir$/,
    ),
  });
});

test('a transaction is found by its id, by a part that no other has, or as the last', async () => {
  await written(id(1));
  await written('20260201T000000Z-abcdef');
  expect((await findTransaction(folder, id(1))).id).toBe(id(1));
  expect((await findTransaction(folder, 'abcd')).id).toBe('20260201T000000Z-abcdef');
  expect((await findTransaction(folder, 'last')).id).toBe('20260201T000000Z-abcdef');
  await expect(findTransaction(folder, '2026')).rejects.toThrow(/2 transactions have/);
  await expect(findTransaction(folder, '../../etc')).rejects.toThrow(/there is no transaction/);
  expect(() => journalPath(folder, '../../etc/passwd')).toThrow(/not a transaction ID/);
});

const COMMITTED = [{ event: 'committed' }] as const;
const UNDONE = [{ event: 'rolledBack' }] as const;
const AT = '2026-01-31T10:11:12.345Z';
/** Id of the nth transaction of a host on one day. */
const nth = (n: number): string => `20260131T101112Z-${n.toString(16).padStart(6, '0')}`;
const uuidOf = (n: number): string => `11111111-2222-4333-8444-${String(n).padStart(12, '0')}`;

/** Writes many at once, without waiting for the disk. */
function putAll(
  count: number,
  events: readonly NewEvent[],
  more: (n: number) => Partial<JournalHeader> = () => ({}),
): void {
  for (let n = 0; n < count; n++) {
    const first = { ...header(nth(n)), ...more(n) };
    const lines = [first, ...events.map((event) => ({ ...event, at: AT }))];
    writeFileSync(journalPath(folder, first.id), `${lines.map((each) => JSON.stringify(each)).join('\n')}\n`);
  }
}
const idsLeft = async (): Promise<string[]> => (await listTransactions(folder)).records.map(({ id }) => id);
const ofVm = (n: number): Partial<JournalHeader> => ({
  domains: [{ domain: { uuid: uuidOf(n), name: `vm${n}` }, inactive: '<domain/>' }],
});

test('the oldest that were undone are forgotten beyond a count, and open ones never', async () => {
  await written('20250101T000000Z-000000', EVENTS.slice(0, 1));
  putAll(250, UNDONE);
  await pruneTransactions(folder);
  const left = await idsLeft();
  expect(left).toHaveLength(201);
  expect(left.slice(-2)).toEqual([nth(50), '20250101T000000Z-000000']);
  // The open transaction may still need its reserve.
  expect(readdirSync(folder.transactions).filter((name) => name.endsWith('.reserve'))).toHaveLength(1);
});

test('each host counts for itself', async () => {
  putAll(150, UNDONE);
  putAll(150, UNDONE, (n) => ({ id: nth(1_000 + n), hostname: 'kvm02' }));
  await pruneTransactions(folder);
  expect(await idsLeft()).toHaveLength(300);
});

test('the last change of a VM stays as long as it stands, of however many VMs', async () => {
  putAll(250, COMMITTED, ofVm);
  await pruneTransactions(folder);
  expect(await idsLeft()).toHaveLength(250);
});

test('earlier changes of a VM that was changed again since are forgotten late', async () => {
  putAll(1_003, COMMITTED, (n) => ofVm(n === 0 ? 7 : 1));
  // Settings of the host belong to no VM.
  putAll(1, COMMITTED, () => ({ id: '20250101T000000Z-000000', domains: [] }));
  await pruneTransactions(folder);
  const left = await idsLeft();
  expect(left).not.toContain(nth(1));
  expect(left).toEqual(expect.arrayContaining([nth(0), nth(2), nth(1_002), '20250101T000000Z-000000']));
  expect(left).toHaveLength(1_003);
});

test('a later change that was rolled back replaces nothing', async () => {
  putAll(1, COMMITTED, () => ({ ...ofVm(1), id: '20250101T000000Z-000000' }));
  putAll(1_100, [...COMMITTED, ...UNDONE], () => ofVm(1));
  await pruneTransactions(folder);
  expect(await idsLeft()).toContain('20250101T000000Z-000000');
});

test('what watch restores pushes out no change, and is not the last one', async () => {
  await written('20250101T000000Z-000000');
  putAll(250, COMMITTED, () => ({ kind: 'restore' }));
  putAll(150, UNDONE, (n) => ({ kind: 'restore', id: nth(1_000 + n) }));
  await pruneTransactions(folder);
  expect(await idsLeft()).toHaveLength(201);
  expect((await lastCommitted(folder, 'qemu:///system')).id).toBe('20250101T000000Z-000000');
  expect((await findTransaction(folder, 'last')).id).toBe('20250101T000000Z-000000');
  expect((await findTransaction(folder, nth(249))).header.kind).toBe('restore');
});

test("an open transaction is its own host's affair", async () => {
  await written(id(1), EVENTS.slice(0, 1), 'kvm02');
  expect(await openTransactions(folder, 'kvm01')).toEqual([]);
  expect(await openTransactions(folder, 'kvm02')).toHaveLength(1);
});

test('the last transaction is the one that began last, whatever its id and the second in which it was planned', async () => {
  const began = async (id: string, at: string): Promise<void> => {
    const journal = await Journal.create(folder, { ...header(id), at }, OPTIONS);
    await journal.append({ event: 'committed' });
    await journal.close();
  };
  await began('20260131T101112Z-ffffff', '2026-01-31T10:11:12.345Z');
  await began('20260131T101112Z-000000', '2026-01-31T10:11:12.346Z');
  // Planned before both, but approved after them.
  await began('20260131T101100Z-aaaaaa', '2026-01-31T10:11:13.000Z');
  const { records } = await listTransactions(folder);
  expect(records.map(({ id }) => id)).toEqual([
    '20260131T101100Z-aaaaaa',
    '20260131T101112Z-000000',
    '20260131T101112Z-ffffff',
  ]);
  expect((await lastCommitted(folder, 'qemu:///system')).id).toBe('20260131T101100Z-aaaaaa');
});

test('ids sort by time and are never twice the same', () => {
  const early = newTransactionId(new Date('2026-01-31T10:11:12.345Z'));
  const late = newTransactionId(new Date('2026-01-31T10:11:13Z'));
  expect(early).toMatch(/^20260131T101112Z-[0-9a-f]{6}$/);
  expect([late, early].sort()).toEqual([early, late]);
});

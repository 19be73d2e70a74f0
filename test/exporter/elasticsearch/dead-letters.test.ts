import { appendFileSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { bulkItemOf } from '../../../exporter/elasticsearch/bulk.ts';
import { BulkClient } from '../../../exporter/elasticsearch/bulk-client.ts';
import { DeadLetters } from '../../../exporter/elasticsearch/dead-letters/dead-letters.ts';
import type { Letter } from '../../../exporter/elasticsearch/dead-letters/letter.ts';
import { allLetters, LetterBox } from '../../../exporter/elasticsearch/dead-letters/letter-box.ts';
import { type Resent, resend } from '../../../exporter/elasticsearch/dead-letters/resend.ts';
import { VirtuneProcess } from '../../virtune-process.ts';
import { FakeSearch } from './fake-search.ts';
import { serveSearch } from './serve-search.ts';

let dir: string;
const troubles: string[] = [];
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'virtune-letters-'));
  troubles.length = 0;
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

const boxOf = (maxBytes = 1e9): DeadLetters =>
  new DeadLetters(dir, maxBytes, ({ message }) => troubles.push(message));

/** Letters of documents with these numbers. */
const keep = (box: DeadLetters, numbers: readonly number[], stream = 'vm', filling = ''): Promise<void> =>
  box.keep(
    numbers.map((number) => ({
      item: bulkItemOf(
        { host: 'h', at: number, namespace: 'default' },
        { stream, key: `"${number}"`, body: JSON.stringify({ '@timestamp': number, filling }) },
        false,
      ),
      status: 400,
      reason: `timestamp_error: ${number} is too old`,
    })),
    1_000,
  );

async function letters(): Promise<Letter[]> {
  const all: Letter[] = [];
  for await (const letter of allLetters(dir)) all.push(letter);
  return all;
}
const numbers = async (): Promise<number[]> => (await letters()).map(({ sampled_at }) => sampled_at);

async function opened(): Promise<LetterBox> {
  const box = await LetterBox.open(dir, Date.now());
  if (box === undefined) throw new Error('there are no letters');
  return box;
}

async function resendAll(search: FakeSearch): Promise<Resent[]> {
  const results: Resent[] = [];
  const box = await opened();
  try {
    await box.each(async (some) => {
      const result = await resend(some, {
        client: new BulkClient(search.open, 60_000, Date.now),
        batchBytes: 500,
        signal: new AbortController().signal,
        random: () => 0,
        wait: async () => undefined,
      });
      results.push(result);
      return result.left;
    });
  } finally {
    await box.close();
  }
  return results;
}

test('a letter has all that it takes to send the document again', async () => {
  await keep(boxOf(), [7]);
  expect(await letters()).toEqual([
    {
      at: '1970-01-01T00:00:01.000Z',
      index: 'metrics-kvm.vm-default',
      id: expect.stringMatching(/^7-/),
      sampled_at: 7,
      status: 400,
      reason: 'timestamp_error: 7 is too old',
      document: '{"@timestamp":7,"filling":""}',
    },
  ]);
});

test('letters of several lives of the exporter are read in their order, and half a line is left out', async () => {
  await keep(boxOf(), [1, 2]);
  const [file = ''] = readdirSync(join(dir, 'dead-letters'));
  appendFileSync(join(dir, 'dead-letters', file), '{"at":"20');
  const nowMs = Date.now();
  await vi.waitFor(() => expect(Date.now()).toBeGreaterThan(nowMs), { interval: 1 });
  await keep(boxOf(), [3]);
  expect(await numbers()).toEqual([1, 2, 3]);
});

test('above the limit the oldest letters are deleted, and the log says so', async () => {
  const box = boxOf(20_000);
  for (let number = 0; number < 60; number++) await keep(box, [number], 'vm', 'x'.repeat(1_000));
  const kept = await numbers();
  expect(kept.at(-1)).toBe(59);
  expect(kept.length).toBeGreaterThan(8);
  expect(kept.length).toBeLessThan(18);
  expect(kept).toEqual(kept.map((_, place) => 60 - kept.length + place));
  expect(troubles[0]).toContain('dead_letters_size');
});

test('sent twice, each document is stored once, whatever the server', async () => {
  for (const kind of ['elasticsearch', 'opensearch'] as const) {
    const search = new FakeSearch(kind);
    await keep(boxOf(), [1, 2, 3, 4, 5, 6, 7, 8]);
    expect(await resendAll(search)).toMatchObject([{ sent: 8, duplicates: 0, left: [] }]);
    expect(await letters()).toEqual([]);
    search.rollOver();
    await keep(boxOf(), [1, 2, 3, 4, 5, 6, 7, 8]);
    expect(await resendAll(search)).toMatchObject([{ sent: 0, duplicates: 8, left: [] }]);
    expect(search.documents).toHaveLength(8);
  }
});

test('documents that are rejected again, or not accepted now, are kept; the others are sent', async () => {
  const search = new FakeSearch();
  search.refuses = (_stream, body) => (body.includes('2') ? 400 : body.includes('3') ? 403 : undefined);
  await keep(boxOf(), [1, 2, 3, 4]);
  const [result] = await resendAll(search);
  expect(result).toMatchObject({ sent: 2, reason: 'fault: made up' });
  expect(await letters()).toMatchObject([
    { sampled_at: 2, reason: 'fault: made up' },
    { sampled_at: 3, reason: 'timestamp_error: 3 is too old' },
  ]);
});

test('a request that is too large is halved, and one document that is too large is kept', async () => {
  const search = new FakeSearch();
  search.maxBytes = 160;
  const box = boxOf();
  await keep(box, [1, 2, 3]);
  await keep(box, [4], 'vm', 'x'.repeat(200));
  expect(await resendAll(search)).toMatchObject([
    { sent: 3, reason: expect.stringMatching(/^too large for the server/) },
  ]);
  expect(await numbers()).toEqual([4]);
  expect(await letters()).toMatchObject([{ status: 413 }]);
});

test('an overloaded server is asked again a few times; without one the letters stay as they are', async () => {
  const search = new FakeSearch();
  search.fault = (bulk) => (bulk < 3 ? { kind: 'status', status: 429 } : undefined);
  await keep(boxOf(), [1, 2]);
  expect(await resendAll(search)).toMatchObject([{ sent: 2 }]);
  await keep(boxOf(), [3, 4]);
  const before = await letters();
  search.fault = () => ({ kind: 'refused' });
  await expect(resendAll(search)).rejects.toMatchObject({ code: 'SEARCH_UNREACHABLE' });
  expect(await letters()).toEqual(before);
});

test('what an exporter adds while a command sends or deletes letters is not lost', async () => {
  const exporter = boxOf();
  await keep(exporter, [1, 2]);
  const box = await opened();
  await box.each(async (some) => {
    await keep(exporter, [3]);
    expect(some.map(({ sampled_at }) => sampled_at)).toEqual([1, 2]);
    return [];
  });
  await box.close();
  expect(await numbers()).toEqual([3]);
});

test('letters that reach a file after a command has read it are written again, to another file', async () => {
  const exporter = boxOf();
  await keep(exporter, [1]);
  const folder = join(dir, 'dead-letters');
  const probe = await open(join(dir, 'probe'), 'w');
  const handles = Object.getPrototypeOf(probe) as { datasync(): Promise<void> };
  await probe.close();
  // The command takes the file, reads it and deletes it while the exporter writes.
  const datasync = vi.spyOn(handles, 'datasync').mockImplementationOnce(async () => {
    for (const name of readdirSync(folder)) rmSync(join(folder, name));
  });
  await keep(exporter, [2]);
  datasync.mockRestore();
  expect(await numbers()).toEqual([2]);
});

test('letters that a command was at work on when it was killed are there for the next one', async () => {
  await keep(boxOf(), [1, 2]);
  const killed = await opened();
  void killed.each(() => new Promise(() => undefined));
  await expect
    .poll(() => readdirSync(join(dir, 'dead-letters')).some((name) => name.endsWith('.claimed')))
    .toBe(true);
  expect(await numbers(), 'and are listed').toEqual([1, 2]);
  await killed.close();
  expect(await resendAll(new FakeSearch())).toMatchObject([{ sent: 2 }]);
  expect(readdirSync(join(dir, 'dead-letters'))).toEqual([]);
});

test('two commands that change letters exclude each other', async () => {
  await keep(boxOf(), [1]);
  const first = await opened();
  await expect(LetterBox.open(dir, Date.now())).rejects.toMatchObject({
    code: 'DEAD_LETTERS_IN_USE',
    message: expect.stringContaining('once it has ended'),
  });
  await first.close();
  await (await opened()).close();
});

const run = (...args: readonly string[]): VirtuneProcess['ended'] =>
  new VirtuneProcess('elasticsearch', 'dead-letters', ...args, '--elasticsearch.queue-dir', dir).ended;

// Eight processes, one after the other.
test('the commands list letters by reason, send them, and delete what is not accepted', async () => {
  const search = new FakeSearch();
  search.refuses = (_stream, body) => (body.includes('"@timestamp":2') ? 400 : undefined);
  const server = await serveSearch(search);
  try {
    expect(await run('list')).toMatchObject({ code: 0, stdout: 'no dead letters\n' });
    await keep(boxOf(), [1_000, 2_000]);
    await keep(boxOf(), [3_000], 'net');
    expect(await run('list')).toMatchObject({
      code: 0,
      stdout:
        '2 of metrics-kvm.vm-default, sampled 1970-01-01T00:00:01.000Z to 1970-01-01T00:00:02.000Z: 400 timestamp_error: 1000 is too old\n' +
        '1 of metrics-kvm.net-default, sampled 1970-01-01T00:00:03.000Z to 1970-01-01T00:00:03.000Z: 400 timestamp_error: 3000 is too old\n',
    });
    const { stdout } = await run('list', '--json', '--stream', 'metrics-kvm.net-default');
    expect(JSON.parse(stdout)).toMatchObject({ sampled_at: 3_000 });
    expect(await run('resend', '--elasticsearch', server.url)).toMatchObject({
      code: 75,
      stdout: '2 sent, 0 were on the server already, 1 not accepted\n',
      stderr: expect.stringMatching(/1 dead letters were not accepted.*made up.*\[DEAD_LETTERS_LEFT\]/),
    });
    expect(search.documents).toHaveLength(2);
    expect(await run('drop')).toMatchObject({ code: 64, stderr: expect.stringContaining('--yes') });
    expect(await numbers()).toEqual([2_000]);
    expect(await run('drop', '--yes', '--stream', 'metrics-kvm.net-default')).toMatchObject({
      stdout: '0 deleted\n',
    });
    expect(await run('drop', '--yes')).toMatchObject({ code: 0, stdout: '1 deleted\n' });
    expect(await numbers()).toEqual([]);
  } finally {
    server.stop();
  }
}, 60_000);

test('a folder that does not exist is an error that names the flag', async () => {
  rmSync(dir, { recursive: true });
  expect(await run('list')).toMatchObject({
    code: 64,
    stderr: expect.stringMatching(/--elasticsearch.queue-dir.*\[QUEUE_FOLDER\]/),
  });
});

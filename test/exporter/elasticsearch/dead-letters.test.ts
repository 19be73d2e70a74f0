import { spawn } from 'node:child_process';
import {
  appendFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { bulkItemOf } from '../../../exporter/elasticsearch/bulk.ts';
import { BulkClient } from '../../../exporter/elasticsearch/bulk-client.ts';
import { DeadLetters } from '../../../exporter/elasticsearch/dead-letters/dead-letters.ts';
import type { Letter } from '../../../exporter/elasticsearch/dead-letters/letter.ts';
import { allLines, LetterBox } from '../../../exporter/elasticsearch/dead-letters/letter-box.ts';
import { type Resent, resend } from '../../../exporter/elasticsearch/dead-letters/resend.ts';
import { DeadRequests } from '../../../exporter/otlp/dead-requests.ts';
import { LetterFiles } from '../../../exporter/queue/letter-files.ts';
import { queueFolderError } from '../../../exporter/queue/queue-error.ts';
import { outputOf } from '../../child-output.ts';
import { VIRTUNE, VirtuneProcess } from '../../virtune-process.ts';
import { FakeSearch } from './fake-search.ts';
import { serveSearch } from './serve-search.ts';

let dir: string;
const troubles: string[] = [];
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'virtune-letters-'));
  // As the queue of an exporter leaves it.
  writeFileSync(join(dir, 'position'), '{}');
  troubles.length = 0;
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

const boxOf = (maxBytes = 1e9): DeadLetters =>
  new DeadLetters(dir, maxBytes, ({ message }) => troubles.push(message));

/** Keeps letters of documents with these numbers. */
const keep = (box: DeadLetters, numbers: readonly number[], stream = 'vm', filling = ''): Promise<boolean> =>
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
  for await (const { letter } of allLines(dir)) if (letter !== undefined) all.push(letter);
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
    await box.each(async ({ letters, damaged }) => {
      const result = await resend(letters, {
        client: new BulkClient(search.open, 60_000, Date.now),
        batchBytes: 500,
        signal: new AbortController().signal,
        random: () => 0,
        wait: async () => undefined,
      });
      results.push(result);
      return { letters: [...result.left, ...result.untried], damaged, error: result.error };
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

test('letters of a stream without a template are kept with the next step; those of other streams are sent', async () => {
  const search = new FakeSearch();
  search.missingTemplates.add('metrics-kvm.net');
  await keep(boxOf(), [1, 2]);
  await keep(boxOf(), [3], 'net');
  const reason = expect.stringMatching(/no template metrics-kvm\.net .*; run virtune elasticsearch setup$/);
  expect(await resendAll(search)).toMatchObject([{ sent: 2 }, { sent: 0, reason }]);
  expect(await numbers()).toEqual([3]);
  expect([...search.streams.keys()]).toEqual(['metrics-kvm.vm-default']);
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
  await box.each(async ({ letters: some }) => {
    await keep(exporter, [3]);
    expect(some.map(({ sampled_at }) => sampled_at)).toEqual([1, 2]);
    return { letters: [], damaged: [] };
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

// Runs eight processes, one after another.
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
      stderr: expect.stringMatching(/1 dead letter not accepted, and kept.*made up.*\[DEAD_LETTERS_LEFT\]/),
    });
    expect(search.documents).toHaveLength(2);
    expect(await run('drop')).toMatchObject({ code: 64, stderr: expect.stringContaining('--yes') });
    expect(await numbers()).toEqual([2_000]);
    expect(await run('drop', '--yes', '--stream', 'metrics-kvm.net-default')).toMatchObject({
      stdout: 'no dead letters of metrics-kvm.net-default; these streams have: metrics-kvm.vm-default\n',
    });
    expect(await run('drop', '--yes')).toMatchObject({ code: 0, stdout: '1 dead letter deleted\n' });
    expect(await numbers()).toEqual([]);
  } finally {
    server.stop();
  }
}, 60_000);

test('a folder that does not exist, or is not that of a queue, is an error that names the flag', async () => {
  const says = /--elasticsearch.queue-dir.*\[QUEUE_FOLDER\]/;
  rmSync(join(dir, 'position'));
  expect(await run('list')).toMatchObject({
    code: 64,
    stdout: '',
    stderr: expect.stringMatching(says),
  });
  rmSync(dir, { recursive: true });
  expect(await run('list')).toMatchObject({ code: 64, stderr: expect.stringMatching(says) });
});

test('the rejected requests of OTLP are not dead letters: each command refuses them, and they stay as they are', async () => {
  await new DeadRequests(dir, 1e9, ({ message }) => troubles.push(message)).keep(
    { sampledAtMs: 1_000, points: 2, status: 400, reason: 'x', body: Buffer.from('a request') },
    2_000,
  );
  const before = linesThere();
  for (const kind of [undefined, 'otlp\n']) {
    // Without the file, as an earlier version leaves the folder.
    if (kind !== undefined) writeFileSync(join(dir, 'kind'), kind);
    for (const args of [['list'], ['drop', '--yes'], ['resend', '--elasticsearch', 'http://127.0.0.1:1']]) {
      expect(await run(...args)).toMatchObject({
        code: 64,
        stdout: '',
        stderr: expect.stringMatching(/is the queue of OTLP; .*docs\/opentelemetry\.md.*\[QUEUE_FOLDER\]/),
      });
    }
  }
  expect(linesThere().equals(before)).toBe(true);
}, 60_000);

test('a stream that virtune does not send is refused with the list of streams', async () => {
  expect(await run('list', '--stream', 'vm')).toMatchObject({
    code: 64,
    stderr: expect.stringMatching(/metrics-kvm\.STREAM-NAMESPACE.* host, cell, .*\[USAGE\]/),
  });
});

/** Lines that no exporter writes completely: half a letter, a letter with two lines in its document, and other text. */
const DAMAGED = ['{"at":"20', '{"some":"json"}', 'text \u0000 \ufffd'];

/** Appends them to the first file, and makes it old enough that no exporter may still write to it. */
function damage(): string {
  const [name = ''] = readdirSync(join(dir, 'dead-letters'));
  const file = join(dir, 'dead-letters', name);
  appendFileSync(file, Buffer.concat([Buffer.from(`${DAMAGED.join('\n')}`), Buffer.from([0xff])]));
  utimesSync(file, 1, 1);
  return file;
}

const linesThere = (): Buffer =>
  Buffer.concat(
    readdirSync(join(dir, 'dead-letters')).map((name) => readFileSync(join(dir, 'dead-letters', name))),
  );

test('damaged lines are listed, kept byte for byte by resend, and counted by drop', async () => {
  const search = new FakeSearch();
  const server = await serveSearch(search);
  try {
    await keep(boxOf(), [1_000]);
    const file = damage();
    const listed = await run('list');
    expect(listed.stdout).toContain('3 damaged lines, the first is line 2 of');
    expect(listed.stdout).toContain(`line 2 of ${file}`);
    const json = await run('list', '--json');
    expect(json.stdout.trim().split('\n')).toHaveLength(1);
    expect(json.stderr).toContain('3 damaged lines');
    expect(await run('resend', '--elasticsearch', server.url)).toMatchObject({
      code: 0,
      stdout:
        '1 sent, 0 were on the server already, 0 not accepted\n3 damaged lines kept; drop deletes damaged lines\n',
    });
    const whole = Buffer.concat([Buffer.from(DAMAGED.join('\n')), Buffer.from([0xff, 0x0a])]);
    expect(linesThere().equals(whole)).toBe(true);
    expect(await run('drop', '--yes', '--stream', 'metrics-kvm.vm-default')).toMatchObject({
      stdout: expect.stringContaining('3 damaged lines kept'),
    });
    expect(linesThere().equals(whole)).toBe(true);
    expect(await run('drop', '--yes')).toMatchObject({
      stdout: '0 dead letters and 3 damaged lines deleted\n',
    });
    expect(linesThere()).toHaveLength(0);
  } finally {
    server.stop();
  }
}, 60_000);

test('half a line at the end of a file is damaged unless it was written just now', async () => {
  const damaged = async (): Promise<number> => {
    let count = 0;
    for await (const { letter } of allLines(dir)) count += Number(letter === undefined);
    return count;
  };
  await keep(boxOf(), [1]);
  const [name = ''] = readdirSync(join(dir, 'dead-letters'));
  const file = join(dir, 'dead-letters', name);
  appendFileSync(file, '{"at":"20');
  const nowSeconds = Date.now() / 1_000;
  utimesSync(file, nowSeconds + 60, nowSeconds + 60);
  expect(await damaged()).toBe(0);
  utimesSync(file, nowSeconds - 60, nowSeconds - 60);
  expect(await damaged()).toBe(1);
});

test('a line that would add a line to the request is damaged, not a letter', async () => {
  await keep(boxOf(), [1, 2]);
  const [name = ''] = readdirSync(join(dir, 'dead-letters'));
  const file = join(dir, 'dead-letters', name);
  const [first = '', second = ''] = readFileSync(file, 'utf8').split('\n');
  const spoiled = JSON.stringify({ ...JSON.parse(first), document: '{}\n{"delete":{}}' });
  const index = JSON.stringify({ ...JSON.parse(first), index: 'a","_id":"b' });
  writeFileSync(file, `${spoiled}\n${index}\n${second}\n`);
  expect(await numbers()).toEqual([2]);
});

test('what the server rejects again has the reason of this time, also where nothing was sent', async () => {
  const search = new FakeSearch();
  search.rejects = () => true;
  await keep(boxOf(), [1]);
  await resendAll(search);
  expect(await letters()).toMatchObject([{ reason: 'fault: made up' }]);
});

test('what was sent before the server failed is not kept', async () => {
  const search = new FakeSearch();
  search.fault = (bulk) => (bulk > 0 ? { kind: 'status', status: 401 } : undefined);
  await keep(boxOf(), [1, 2], 'vm', 'x'.repeat(400));
  await expect(resendAll(search)).rejects.toMatchObject({ code: 'SEARCH_PERMISSION' });
  expect(await numbers()).toEqual([2]);
});

test('where nothing was tried, resend prints the reason and no counts', async () => {
  await keep(boxOf(), [1]);
  const before = linesThere();
  expect(await run('resend', '--elasticsearch', 'http://127.0.0.1:1')).toMatchObject({
    code: 69,
    stdout: '',
    stderr: expect.stringMatching(
      /^(virtune: .*; trying again in \d s\n){2}virtune: http:\/\/127\.0\.0\.1:1: .*\[SEARCH_UNREACHABLE\]\n$/,
    ),
  });
  expect(linesThere().equals(before)).toBe(true);
}, 60_000);

test('stopped by a signal, resend keeps what is left and reports the signal', async () => {
  const search = new FakeSearch();
  const asked = Promise.withResolvers<void>();
  const request = search.request.bind(search);
  search.request = async (what) => {
    if (what.lines === undefined) return request(what);
    asked.resolve();
    return new Promise(() => undefined);
  };
  const server = await serveSearch(search);
  try {
    await keep(boxOf(), [1]);
    const command = new VirtuneProcess(
      ...['elasticsearch', 'dead-letters', 'resend', '--elasticsearch', server.url],
      ...['--elasticsearch.queue-dir', dir],
    );
    await asked.promise;
    command.signal('SIGTERM');
    expect(await command.ended).toMatchObject({
      code: 75,
      stdout: '',
      stderr: expect.stringMatching(
        /stopped by SIGTERM; all dead letters are kept; run resend again \[SEARCH_STOPPED\]/,
      ),
    });
    expect(await numbers()).toEqual([1]);
  } finally {
    server.stop();
  }
}, 60_000);

test.each([
  ['EACCES', "run as the exporter's user or root"],
  ['EPERM', "run as the exporter's user or root"],
  ['ENOSPC', 'free space on its file system'],
  ['EROFS', 'its file system is read-only: mount it read-write'],
  ['EIO', 'look at it'],
])('%s on a file is QUEUE_FOLDER with what to do', (code, next) => {
  const error = Object.assign(new Error(`${code}: made up, open '/q/x'`), {
    ...{ code, syscall: 'open', path: '/q/x' },
  });
  const advice = { next: 'look at it', permission: "run as the exporter's user or root" };
  expect(queueFolderError('/q', error, advice)).toMatchObject({
    code: 'QUEUE_FOLDER',
    message: `/q/x cannot be used: ${code}: made up; ${next}`,
  });
});

test('a file that cannot be read is QUEUE_FOLDER in every command', async () => {
  mkdirSync(join(dir, 'dead-letters', '0.ndjson'), { recursive: true });
  const says = /0\.ndjson cannot be used: EISDIR.*\[QUEUE_FOLDER\]/;
  expect(await run('list')).toMatchObject({ code: 64, stderr: expect.stringMatching(says) });
  expect(await run('drop', '--yes')).toMatchObject({ code: 64, stderr: expect.stringMatching(says) });
  expect(readdirSync(join(dir, 'dead-letters')), 'is not renamed').toEqual(['0.ndjson']);
}, 60_000);

test('a file that root writes has the owner of the folder', async () => {
  await keep(boxOf(), [1, 2]);
  const box = await opened();
  await box.each(async ({ letters: [first], damaged }) => ({ letters: first ? [first] : [], damaged }));
  await box.close();
  const [name = ''] = readdirSync(join(dir, 'dead-letters'));
  expect(statSync(join(dir, 'dead-letters', name)).uid).toBe(statSync(join(dir, 'dead-letters')).uid);
  expect(await numbers()).toEqual([1]);
});

test('a disk that is full while a command writes leaves the letters as they were', async () => {
  await keep(boxOf(), [1, 2]);
  const before = linesThere();
  const probe = await open(join(dir, 'probe'), 'w');
  const handles = Object.getPrototypeOf(probe) as { datasync(): Promise<void> };
  await probe.close();
  const full = Object.assign(new Error('ENOSPC: no space left on device, fdatasync'), {
    ...{ code: 'ENOSPC', syscall: 'fdatasync' },
  });
  const datasync = vi.spyOn(handles, 'datasync').mockRejectedValueOnce(full);
  const box = await opened();
  await expect(
    box.each(async ({ letters: [first], damaged }) => ({ letters: first ? [first] : [], damaged })),
  ).rejects.toMatchObject({ code: 'QUEUE_FOLDER', message: expect.stringContaining('free space') });
  datasync.mockRestore();
  await box.close();
  expect(linesThere().equals(before)).toBe(true);
});

test.each(['writeFile', 'datasync'] as const)(
  'letters that a full disk does not take are reported as lost, and leave neither part of them nor an empty file (%s)',
  async (call) => {
    const box = boxOf();
    expect(await keep(box, [1])).toBe(true);
    const before = linesThere();
    const probe = await open(join(dir, 'probe'), 'w');
    const handles = Object.getPrototypeOf(probe) as Pick<FileHandle, 'write' | 'writeFile' | 'datasync'>;
    await probe.close();
    const full = Object.assign(new Error('ENOSPC: no space left on device, write'), {
      ...{ code: 'ENOSPC', syscall: 'write' },
    });
    const { writeFile } = handles;
    const failing = vi.spyOn(handles, call).mockImplementation(async function (this: FileHandle) {
      // A full disk first accepts a part.
      if (call === 'writeFile') await writeFile.call(this, '{"at":"1970');
      throw full;
    });
    try {
      expect([await keep(box, [2]), await keep(box, [3])]).toEqual([false, false]);
    } finally {
      failing.mockRestore();
    }
    expect(linesThere().equals(before)).toBe(true);
    expect(readdirSync(join(dir, 'dead-letters'))).toHaveLength(1);
    expect(troubles).toEqual([
      expect.stringMatching(/ENOSPC.*free space/),
      expect.stringMatching(/ENOSPC.*free space/),
    ]);
    expect(await keep(box, [4]), 'it goes on once there is space').toBe(true);
    expect(await numbers()).toEqual([1, 4]);
  },
);

test('letters are kept where the disk fails only to delete the oldest ones', async () => {
  const box = boxOf();
  await keep(box, [1]);
  const list = vi
    .spyOn(LetterFiles.prototype, 'list')
    .mockRejectedValueOnce(Object.assign(new Error('EIO: i/o error, scandir'), { syscall: 'scandir' }));
  try {
    expect(await keep(box, [2])).toBe(true);
  } finally {
    list.mockRestore();
  }
  expect(troubles).toEqual([expect.stringContaining('EIO')]);
  expect(await numbers()).toEqual([1, 2]);
});

test('a reader that ends first, such as head, is not an error', async () => {
  await keep(
    boxOf(),
    Array.from({ length: 2_000 }, (_, number) => number),
  );
  const { status } = await outputOf(
    spawn(
      'bash',
      [
        '-c',
        'set -o pipefail; "$@" | head -1 > /dev/null',
        ...[
          '-',
          ...VIRTUNE,
          'elasticsearch',
          'dead-letters',
          'list',
          '--json',
          '--elasticsearch.queue-dir',
          dir,
        ],
      ],
      { stdio: ['ignore', 'pipe', 'pipe'] },
    ),
  );
  expect(status).toBe(0);
}, 30_000);

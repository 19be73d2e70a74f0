import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import promises from 'node:fs/promises';
import { syncBuiltinESMExports } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { bulkItemOf } from '../../../exporter/elasticsearch/bulk.ts';
import { DeadLetters } from '../../../exporter/elasticsearch/dead-letters/dead-letters.ts';
import { pack } from '../../../exporter/elasticsearch/pack.ts';
import { Parking } from '../../../exporter/elasticsearch/parking.ts';
import { DeadRequests } from '../../../exporter/otlp/dead-requests.ts';
import { DiskQueue } from '../../../exporter/queue/queue.ts';
import type { QueueKind } from '../../../exporter/queue/queue-kind.ts';

let dir: string;
let troubles: string[];
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'virtune-kind-'));
  troubles = [];
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

const onTrouble = ({ message }: Error): void => {
  troubles.push(message);
};
const options = {
  maxBytes: 1e9,
  maxAgeMs: 1e9,
  now: () => 1_000,
  onDrop: () => expect.fail('something was dropped'),
  onTrouble,
};
const open = (kind: QueueKind, folder = dir): Promise<DiskQueue> =>
  DiskQueue.open({ ...options, kind, dir: folder });

const head = { host: 'h', at: 1_000, namespace: 'default' };
const document = { stream: 'vm', key: '"1"', body: '{"@timestamp":1000}' };
const OTHER = { elasticsearch: 'otlp', otlp: 'elasticsearch' } as const satisfies Record<
  QueueKind,
  QueueKind
>;
const KINDS = ['elasticsearch', 'otlp'] as const;

/** A record as its sink queues it. */
async function payloadOf(kind: QueueKind): Promise<Buffer> {
  if (kind === 'otlp') return gzipSync('a request');
  for await (const { payload } of pack(head, [{ ...document, stream: 'vm' as const }])) return payload;
  return expect.fail('nothing was packed');
}

async function keepLetter(kind: QueueKind): Promise<void> {
  if (kind === 'otlp') {
    const request = { sampledAtMs: 1_000, points: 2, status: 400, reason: 'x', body: gzipSync('a request') };
    await new DeadRequests(dir, 1e9, onTrouble).keep(request, 2_000);
  } else {
    const letter = { item: bulkItemOf(head, document, false), status: 400, reason: 'x' };
    await new DeadLetters(dir, 1e9, onTrouble).keep([letter], 2_000);
  }
}

/** All files below the folder, with contents and modification time. */
const files = (): readonly (readonly [string, string, number])[] =>
  readdirSync(dir, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => join(parentPath, name))
    .sort()
    .map((path) => [path, readFileSync(path, 'hex'), statSync(path).mtimeMs]);

/** Checks that the other sink refuses the folder without changing it, and that its own sink opens it. */
async function expectKind(kind: QueueKind): Promise<void> {
  const before = files();
  const other = OTHER[kind];
  await expect(open(other)).rejects.toMatchObject({
    code: 'QUEUE_FOLDER',
    message: expect.stringMatching(
      kind === 'otlp'
        ? /is the queue of OTLP; .*--elasticsearch\.queue-dir \(elasticsearch\.queue_dir in/
        : /is the queue of Elasticsearch; .*--otlp\.queue-dir \(otlp\.queue_dir in/,
    ),
  });
  expect(files()).toEqual(before);
  const queue = await open(kind);
  expect(readFileSync(join(dir, 'kind'), 'utf8')).toBe(`${kind}\n`);
  await queue.close();
}

test.each(KINDS)(
  'the other sink refuses a queue of %s and leaves it as it is, also while it is in use',
  async (kind) => {
    const queue = await open(kind);
    await expect(open(OTHER[kind])).rejects.toMatchObject({ code: 'QUEUE_FOLDER' });
    await queue.append(await payloadOf(kind), 1, 1_000);
    await queue.close();
    await expectKind(kind);
  },
);

test.each(KINDS)('a queue of %s of an earlier version is recognised by its records', async (kind) => {
  const queue = await open(kind);
  await queue.append(await payloadOf(kind), 1, 1_000);
  await queue.close();
  rmSync(join(dir, 'kind'));
  await expectKind(kind);
});

test.each(KINDS)(
  'a queue of %s of an earlier version is recognised behind a damaged record',
  async (kind) => {
    const queue = await open(kind);
    await queue.append(Buffer.from('damaged'), 1, 1_000);
    await queue.append(await payloadOf(kind), 1, 1_000);
    await queue.close();
    rmSync(join(dir, 'kind'));
    const [name = ''] = readdirSync(dir).filter((each) => each.endsWith('.vq'));
    const bytes = readFileSync(join(dir, name));
    bytes.write('DAMAGED', bytes.indexOf('damaged'));
    writeFileSync(join(dir, name), bytes);
    await expectKind(kind);
  },
);

test.each(KINDS)(
  'an empty queue of %s of an earlier version is recognised by its dead letters',
  async (kind) => {
    await (await open(kind)).close();
    rmSync(join(dir, 'kind'));
    mkdirSync(join(dir, 'dead-letters'));
    writeFileSync(join(dir, 'dead-letters', '0.ndjson'), '{"at":"20');
    await keepLetter(kind);
    expect(troubles).toEqual([]);
    await expectKind(kind);
  },
);

test('streams that wait apart show a queue of Elasticsearch, and each of their queues is of that kind', async () => {
  const queue = await open('elasticsearch');
  const parking = await Parking.open({
    dir: join(dir, 'parked'),
    maxBytes: 1e9,
    queue: { ...options, kind: 'elasticsearch' },
    senderOf: () => ({ start: () => undefined, stop: async () => undefined }),
  });
  await parking.park([bulkItemOf(head, document, false)]);
  await parking.close();
  await queue.close();
  const stream = join(dir, 'parked', 'metrics-kvm.vm-default');
  await expect(open('otlp', stream)).rejects.toMatchObject({ code: 'QUEUE_FOLDER' });
  rmSync(join(dir, 'kind'));
  await expectKind('elasticsearch');
});

test.each(KINDS)(
  'a full disk on which the kind of a queue of %s is not written is reported, and the queue works and shows its kind',
  async (kind) => {
    const full = Object.assign(new Error("ENOSPC: no space left on device, open '/q/kind'"), {
      ...{ code: 'ENOSPC', syscall: 'open', path: '/q/kind' },
    });
    const write = vi.spyOn(promises, 'writeFile').mockRejectedValueOnce(full);
    syncBuiltinESMExports();
    const queue = await open(kind);
    write.mockRestore();
    syncBuiltinESMExports();
    expect(troubles).toEqual([
      '/q/kind cannot be used: ENOSPC: no space left on device; free space on its file system',
    ]);
    expect(readdirSync(dir)).not.toContain('kind');
    const payload = await payloadOf(kind);
    await queue.append(payload, 1, 1_000);
    expect((await queue.take())?.payload).toEqual(payload);
    await queue.close();
    await expectKind(kind);
  },
);

test('a folder that shows no kind is free for either sink, and an empty file of the kind counts for nothing', async () => {
  writeFileSync(join(dir, 'position'), '{}');
  writeFileSync(join(dir, 'kind'), '');
  const queue = await open('otlp');
  await queue.close();
  await expectKind('otlp');
});

test('the kind of a later version is refused, and named', async () => {
  writeFileSync(join(dir, 'kind'), 'kafka\n');
  const before = files();
  for (const kind of KINDS) {
    await expect(open(kind)).rejects.toMatchObject({
      code: 'QUEUE_FOLDER',
      message: expect.stringMatching(/another version of virtune .*kind contains "kafka"/),
    });
  }
  expect(files()).toEqual(before);
});

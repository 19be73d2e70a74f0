import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { Document } from '../../../exporter/documents/documents.ts';
import { fieldsOf } from '../../../exporter/documents/fields.ts';
import type { StreamName } from '../../../exporter/documents/streams.ts';
import { BulkClient } from '../../../exporter/elasticsearch/bulk-client.ts';
import { BulkSender } from '../../../exporter/elasticsearch/bulk-sender.ts';
import { DeadLetters } from '../../../exporter/elasticsearch/dead-letters/dead-letters.ts';
import type { Letter } from '../../../exporter/elasticsearch/dead-letters/letter.ts';
import { allLines } from '../../../exporter/elasticsearch/dead-letters/letter-box.ts';
import { NewestDocuments } from '../../../exporter/elasticsearch/newest-documents.ts';
import { pack } from '../../../exporter/elasticsearch/pack.ts';
import { parkedSender } from '../../../exporter/elasticsearch/parked-sender.ts';
import { Parking } from '../../../exporter/elasticsearch/parking.ts';
import { mappingOf } from '../../../exporter/elasticsearch/setup/mappings.ts';
import { SinkMeter } from '../../../exporter/elasticsearch/sink-meter.ts';
import { onceLog } from '../../../exporter/once-log.ts';
import type { DropReason } from '../../../exporter/queue/drop-reason.ts';
import { DiskQueue } from '../../../exporter/queue/queue.ts';
import { seededRandom } from '../../../simulator/random.ts';
import { figure, parseExposition } from '../../exposition.ts';
import { FakeSearch, type Fault, NODE } from './fake-search.ts';

/** A sender with a queue and an in-memory server, whose waits take no real time. */
interface Rig {
  readonly queue: DiskQueue;
  readonly sender: BulkSender;
  readonly parking: Parking | undefined;
  readonly meter: SinkMeter;
  readonly newest: NewestDocuments;
  readonly said: string[];
  readonly waits: number[];
  readonly dir: string;
  figure(name: string, labels?: Record<string, string>): number | undefined;
}

let root: string;
const rigs: Rig[] = [];
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'virtune-sender-'));
});
afterEach(async () => {
  for (const each of rigs.splice(0)) await end(each);
  rmSync(root, { recursive: true, force: true });
});

async function end({ sender, parking, queue }: Rig): Promise<void> {
  await sender.stop(0);
  await parking?.close();
  await queue.close();
}

async function rig(
  search: FakeSearch,
  dir = 'q',
  {
    batchBytes = 100_000,
    withParking = false,
    parkedBytes = 1e9,
    now = Date.now,
    maxAgeMs = Number.POSITIVE_INFINITY,
  } = {},
): Promise<Rig> {
  const meter = new SinkMeter();
  const newest = new NewestDocuments();
  const said: string[] = [];
  const log = (message: string): void => {
    said.push(message);
  };
  const waits: number[] = [];
  const options = {
    kind: 'elasticsearch' as const,
    maxAgeMs,
    now,
    onDrop: (reason: DropReason, documents: number) => meter.countDropped(reason, documents),
    onTrouble: () => undefined,
    segmentBytes: 2_000,
  };
  const queue = await DiskQueue.open({ ...options, dir: join(root, dir), maxBytes: 1e9 });
  const common = {
    deadLetters: new DeadLetters(join(root, dir), 1e9, () => undefined),
    meter,
    newest,
    batchBytes,
    now,
    random: () => 1,
    log,
    wait: async (ms: number) => {
      waits.push(ms);
      await new Promise((resolve) => setImmediate(resolve));
    },
  };
  const notes = onceLog(log);
  const clientOf = (): BulkClient => new BulkClient(search.open, 60_000, Date.now, notes);
  const parking = withParking
    ? await Parking.open({
        dir: join(root, dir, 'parked'),
        maxBytes: parkedBytes,
        queue: options,
        senderOf: (parked, stream) => parkedSender(common, parked, stream, clientOf()),
      })
    : undefined;
  const sender = new BulkSender({
    ...common,
    queue,
    inherited: queue.inherited,
    client: clientOf(),
    parking,
    onServer: (isUp) => {
      meter.serverUp = isUp;
    },
    target: 'the server',
  });
  const made: Rig = {
    queue,
    sender,
    parking,
    meter,
    newest,
    said,
    waits,
    dir,
    figure: (name, labels = {}) =>
      figure(
        parseExposition(meter.encode('text', queue.state, 1e9, Date.now(), parking?.states)),
        `virtune_elasticsearch_${name}`,
        labels,
      ),
  };
  rigs.push(made);
  return made;
}

async function lettersIn(dir: string): Promise<Letter[]> {
  const letters: Letter[] = [];
  for await (const { letter } of allLines(join(root, dir))) if (letter !== undefined) letters.push(letter);
  return letters;
}

/** Queues a tick of this many VMs, with a document of each in these streams. */
async function tick(
  { queue, meter, newest }: Rig,
  atMs: number,
  vms: number,
  streams: readonly Document['stream'][] = ['vm'],
): Promise<void> {
  const documents = Array.from({ length: vms }, (_, vm) =>
    streams.map((stream) => ({
      stream,
      key: `uuid-${vm}`,
      body: JSON.stringify({
        '@timestamp': atMs,
        'kvm.uuid': `uuid-${vm}`,
        ...(streams.length > 1 ? { 'event.dataset': stream } : {}),
        filling: 'x'.repeat(40),
      }),
    })),
  ).flat();
  const head = { host: 'h', at: atMs, namespace: 'default' };
  for (const document of documents) newest.note(head, document);
  for await (const packed of pack(head, documents)) {
    meter.queued += packed.documents;
    await queue.append(packed.payload, packed.documents, atMs);
  }
}

/** For waits on events that a slow machine may delay. */
const PATIENT = { timeout: 20_000, interval: 1 };

async function settled({ figure: of }: Rig): Promise<void> {
  await vi.waitFor(() => expect(of('queue_documents'), 'documents that are not settled').toBe(0), PATIENT);
}

/** Applies these faults to the first bulk requests, in order. */
function faults(search: FakeSearch, ...list: readonly (Fault | undefined)[]): void {
  search.fault = (bulk) => list[bulk];
}

test.each<[what: string, fault: Fault]>([
  ['connection refused', { kind: 'refused' }],
  ['a connection that broke', { kind: 'lost request' }],
  ['an answer that got lost', { kind: 'lost answer' }],
  ['a server that died half way', { kind: 'half done' }],
  ['429 for all', { kind: 'status', status: 429 }],
  ['503', { kind: 'status', status: 503 }],
  ['a gateway that times out', { kind: 'status', status: 504 }],
  ['a key that was revoked', { kind: 'status', status: 401 }],
  ['a proxy that says 200 to everything', { kind: 'status', status: 200 }],
  ['429 for some', { kind: 'items', status: 429, every: 3 }],
  ['a permission that is missing', { kind: 'items', status: 403, every: 1 }],
  ['an index that is not there', { kind: 'items', status: 404, every: 1 }],
  ['a failure on some', { kind: 'items', status: 500, every: 4 }],
])('%s costs time, and no document is lost or duplicated', async (_what, fault) => {
  for (const kind of ['elasticsearch', 'opensearch'] as const) {
    const search = new FakeSearch(kind);
    faults(search, fault, undefined, fault);
    const one = await rig(search, kind);
    for (let at = 0; at < 5; at++) await tick(one, at, 20);
    one.sender.start();
    await settled(one);
    await tick(one, 5, 20);
    await settled(one);
    expect(search.documents).toHaveLength(120);
    expect(new Set(search.documents).size).toBe(120);
    expect((one.figure('sent_total') ?? 0) + (one.figure('duplicates_total') ?? 0)).toBe(120);
    expect(one.waits.length).toBeGreaterThan(0);
    expect(one.figure('retried_total')).toBeGreaterThan(0);
  }
});

test('a batch that is too large is halved until it fits, and grows again later', async () => {
  const search = new FakeSearch();
  search.maxBytes = 2_000;
  const one = await rig(search);
  for (let at = 0; at < 10; at++) await tick(one, at, 20);
  one.sender.start();
  await settled(one);
  expect(search.documents).toHaveLength(200);
  expect(one.waits, 'halving needs no patience').toEqual([]);
  const before = search.bulks;
  search.maxBytes = Number.POSITIVE_INFINITY;
  for (let at = 10; at < 110; at++) await tick(one, at, 20);
  await settled(one);
  expect(search.documents).toHaveLength(2_200);
  expect(search.bulks - before).toBeLessThan(150);
});

test('a single document that is too large becomes a dead letter, the others go', async () => {
  const search = new FakeSearch();
  search.maxBytes = 200;
  const one = await rig(search);
  await tick(one, 1, 3);
  search.maxBytes = 250;
  one.sender.start();
  await settled(one);
  expect(search.documents).toHaveLength(3);
  search.maxBytes = 20;
  await tick(one, 2, 1);
  await settled(one);
  expect(one.figure('dead_letters_total')).toBe(1);
});

test('documents that the server never accepts go to a file with the reason, and block no others', async () => {
  const search = new FakeSearch();
  search.rejects = (body) => body.includes('uuid-3');
  const one = await rig(search);
  await tick(one, 1, 10);
  one.sender.start();
  await settled(one);
  expect(search.documents).toHaveLength(9);
  expect(one.figure('dead_letters_total')).toBe(1);
  const [letter] = await lettersIn('q');
  expect(letter).toMatchObject({
    status: 400,
    reason: 'fault: made up',
    index: 'metrics-kvm.vm-default',
  });
  expect(JSON.parse(letter?.document ?? '')).toMatchObject({ 'kvm.uuid': 'uuid-3' });
  expect(one.said[0]).toMatch(
    /^http:\/\/\S+: the server rejected 1 documents permanently \(fault: made up\); .*dead-letters resend \[SEARCH_REJECTED\]$/,
  );
});

test('rejected documents that the disk does not take count as dropped, not as dead letters, and the log says that they are lost', async () => {
  const search = new FakeSearch();
  search.rejects = (body) => body.includes('uuid-3');
  const one = await rig(search);
  // A file in place of the folder.
  writeFileSync(join(root, 'q', 'dead-letters'), '');
  await tick(one, 1, 10);
  one.sender.start();
  await settled(one);
  expect(search.documents).toHaveLength(9);
  expect(one.figure('dead_letters_total')).toBe(0);
  expect(one.figure('dropped_total', { reason: 'unsaved' })).toBe(1);
  expect(one.said).toEqual([
    expect.stringMatching(
      /^http:\/\/\S+: the server rejected 1 documents permanently \(fault: made up\), and they are lost: .* check the disk \[SEARCH_REJECTED\]$/,
    ),
  ]);
});

test('the newest record, damaged on the disk, is looked at once until the next one comes, and counts as damaged then', async () => {
  const search = new FakeSearch();
  const one = await rig(search);
  await tick(one, 1, 3);
  const [name = ''] = readdirSync(join(root, 'q')).filter((each) => each.endsWith('.vq'));
  const bytes = readFileSync(join(root, 'q', name));
  bytes.writeUInt8(bytes.readUInt8(bytes.length - 1) ^ 1, bytes.length - 1);
  writeFileSync(join(root, 'q', name), bytes);
  const take = vi.spyOn(one.queue, 'take');
  one.sender.start();
  await vi.waitFor(() => expect(take).toHaveBeenCalled(), PATIENT);
  // Far more turns than writing the files takes.
  for (let turns = 0; turns < 1_000; turns++) await new Promise((resolve) => setImmediate(resolve));
  await one.queue.commit();
  expect(take).toHaveBeenCalledTimes(1);
  expect(one.figure('queue_documents')).toBe(3);
  await tick(one, 2, 2);
  await settled(one);
  expect(search.documents).toHaveLength(2);
  expect(one.figure('dropped_total', { reason: 'damaged' })).toBe(3);
});

test('after a long outage documents wait until the server moves the end of its indices, and each is stored once', async () => {
  const search = new FakeSearch();
  search.range = { startMs: 0, endMs: 3_000 };
  const one = await rig(search);
  for (let at = 0; at < 6; at++) await tick(one, at * 1_000, 10);
  one.sender.start();
  await vi.waitFor(() => expect(one.waits.length).toBeGreaterThan(3), PATIENT);
  expect(search.documents).toHaveLength(30);
  expect(one.figure('dead_letters_total')).toBe(0);
  expect(one.said[0]).toContain('is outside of ranges');
  search.range = { startMs: 0, endMs: 6_000 };
  await settled(one);
  expect(search.documents).toHaveLength(60);
  expect(new Set(search.documents).size).toBe(60);
  expect(one.figure('dead_letters_total')).toBe(0);
});

test('documents of a clock that was ahead wait apart until their time, and those of the right clock are sent', async () => {
  const search = new FakeSearch();
  const hour = 3_600_000;
  let nowMs = 4 * hour;
  search.range = { startMs: 0, endMs: 3 * hour };
  const one = await rig(search, 'q', { withParking: true, now: () => nowMs });
  for (let at = 0; at < 3; at++) await tick(one, 4 * hour + at, 5, STREAMS);
  one.sender.start();
  await vi.waitFor(() => expect(one.waits.length).toBeGreaterThan(3), PATIENT);
  expect(one.queue.state.documents, 'while the clock is ahead, all wait').toBe(45);
  expect(one.said[0]).toMatch(/compare the clocks .*\[SEARCH_TIME_RANGE\]/);
  nowMs = hour;
  for (let at = 0; at < 3; at++) await tick(one, hour + at, 5, STREAMS);
  await vi.waitFor(() => expect(search.documents).toHaveLength(45), PATIENT);
  expect(one.figure('queue_documents')).toBe(45);
  expect(one.said.join('\n')).toContain("ahead of this host's clock");
  await tick(one, hour + 3, 5, STREAMS);
  await vi.waitFor(() => expect(search.documents).toHaveLength(60), PATIENT);
  await vi.waitFor(() => expect(one.figure('up')).toBe(1), PATIENT);
  search.range = { startMs: 0, endMs: 5 * hour };
  await settled(one);
  expect(search.documents).toHaveLength(105);
  expect(new Set(search.documents).size).toBe(105);
  expect(one.figure('dead_letters_total')).toBe(0);
});

test('a document older than all indices of the stream is a dead letter, and the others are sent', async () => {
  const search = new FakeSearch();
  search.range = { startMs: 2_000, endMs: 9_000 };
  const one = await rig(search);
  for (let at = 0; at < 4; at++) await tick(one, at * 1_000, 5);
  one.sender.start();
  await settled(one);
  expect(search.documents).toHaveLength(10);
  expect(one.figure('dead_letters_total')).toBe(10);
});

test('a rejected request is split until the bad document is found', async () => {
  const search = new FakeSearch();
  const request = search.request.bind(search);
  search.request = async (what) =>
    what.lines?.includes('uuid-7') === true
      ? {
          node: NODE,
          status: 400,
          headers: {},
          body: { error: { type: 'illegal_argument_exception', reason: 'malformed' } },
        }
      : request(what);
  const one = await rig(search);
  await tick(one, 1, 20);
  one.sender.start();
  await settled(one);
  expect(search.documents).toHaveLength(19);
  expect(one.figure('dead_letters_total')).toBe(1);
});

test('a document on which the server fails while it takes others of the stream is given up in the end', async () => {
  const search = new FakeSearch();
  search.refuses = (_stream, body) => (body.includes('uuid-0"') ? 500 : undefined);
  const one = await rig(search);
  await tick(one, 0, 4);
  one.sender.start();
  let at = 1;
  for (; at < 200 && one.figure('dead_letters_total') === 0; at++) {
    await tick(one, at, 4);
    await vi.waitFor(() => expect(search.documents).toHaveLength(3 * (at + 1)), PATIENT);
  }
  expect(one.figure('dead_letters_total')).toBeGreaterThan(0);
  expect(at, 'as often as it accepted others').toBeGreaterThanOrEqual(10);
});

test('a document on which the server fails stays in the queue while it accepts no other of the stream', async () => {
  const search = new FakeSearch();
  search.refuses = () => 500;
  const one = await rig(search);
  await tick(one, 1, 4);
  one.sender.start();
  await vi.waitFor(() => expect(one.waits.length).toBeGreaterThan(60), PATIENT);
  expect(one.figure('dead_letters_total')).toBe(0);
  search.refuses = () => undefined;
  await settled(one);
  expect(search.documents).toHaveLength(4);
});

test('an answer that is lost before a rollover does not duplicate a document', async () => {
  const search = new FakeSearch('opensearch');
  const one = await rig(search);
  await tick(one, 1, 10);
  search.fault = (bulk) => {
    if (bulk !== 0) return undefined;
    setImmediate(() => search.rollOver());
    return { kind: 'lost answer' };
  };
  one.sender.start();
  await settled(one);
  expect(search.documents).toHaveLength(10);
  expect(one.figure('duplicates_total')).toBe(10);
  await tick(one, 2, 10);
  await settled(one);
  expect(
    search.asked.filter((what) => what.includes('_mget')).length,
    'only what is unsure is asked for, in each index once',
  ).toBe(2);
});

test('a document that a crash left in the queue twice is stored once, whichever of the two the server accepts first', async () => {
  const search = new FakeSearch('opensearch');
  const killed = await rig(search);
  for (let times = 0; times < 2; times++) await tick(killed, 1, 1);
  rigs.splice(rigs.indexOf(killed), 1);
  await end(killed);
  search.fault = (bulk) => {
    if (bulk > 0) search.rollOver();
    return bulk === 0 ? { kind: 'items', status: 429, every: 2 } : undefined;
  };
  const one = await rig(search);
  one.sender.start();
  await settled(one);
  expect([search.bulks, search.documents.length]).toEqual([1, 1]);
  expect([one.figure('sent_total'), one.figure('duplicates_total')]).toEqual([1, 1]);
});

test('a document that an unreadable index may have waits until it can be read, and the other streams go on', async () => {
  const search = new FakeSearch('opensearch');
  search.fault = (bulk) => {
    if (bulk !== 0) return undefined;
    setImmediate(() => search.rollOver());
    return { kind: 'lost answer' };
  };
  search.unreadable = (stream, place) => stream === NET && place === 0;
  const one = await rig(search, 'q', { withParking: true });
  await tick(one, 1, 5, STREAMS);
  one.sender.start();
  await tick(one, 2, 5, STREAMS);
  await vi.waitFor(() => expect(countOf(search, 'vm')).toBe(10), PATIENT);
  await vi.waitFor(() => expect(one.figure('stream_up', { stream: NET })).toBe(0), PATIENT);
  search.unreadable = () => false;
  await settled(one);
  expect(search.documents).toHaveLength(30);
  expect(new Set(search.documents).size).toBe(30);
});

test('waits double up to a minute, and are at least as long as the server asks for', async () => {
  const search = new FakeSearch();
  const busy: Fault = { kind: 'status', status: 429 };
  const asking: Fault = { kind: 'status', status: 503, headers: { 'retry-after': '90' } };
  faults(search, busy, busy, busy, busy, busy, busy, busy, busy, asking);
  const one = await rig(search);
  await tick(one, 1, 1);
  one.sender.start();
  await settled(one);
  expect(one.waits).toEqual([1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000, 90_000]);
  await vi.waitFor(() => expect(one.said).toHaveLength(2), PATIENT);
  expect(one.said[1]).toContain('accepts documents again');
});

test.each([
  [true, ' has no template metrics-kvm.vm for '],
  [false, ' has no templates for virtune yet'],
])(
  'nothing is sent to a server without templates, whose list can be read: %s, and the log says what to do',
  async (isListed, what) => {
    const search = new FakeSearch();
    search.listStatus = isListed ? 200 : 403;
    search.hasTemplates = false;
    const one = await rig(search);
    await tick(one, 1, 2);
    one.sender.start();
    await vi.waitFor(() => expect(one.waits.length).toBeGreaterThanOrEqual(3), PATIENT);
    expect(search.bulks).toBe(0);
    expect(one.said).toEqual([expect.stringContaining('virtune elasticsearch setup')]);
    expect(one.said[0]).toContain(what);
    expect(one.figure('requests_total', { outcome: 'partial' })).toBe(0);
    if (isListed) {
      expect(one.figure('requests_total', { outcome: 'refused' })).toBeGreaterThanOrEqual(3);
      expect(one.figure('request_duration_seconds_count')).toBe(0);
    }
    search.hasTemplates = true;
    await settled(one);
    expect(search.documents).toHaveLength(2);
  },
);

test.each([
  [401, 'SEARCH_PERMISSION'],
  [404, 'SEARCH_REFUSED'],
  [500, 'SEARCH_REFUSED'],
  [503, 'SEARCH_BUSY'],
])(
  'while the list of templates is answered with %i, nothing is sent, and the log has the reason',
  async (status, code) => {
    const search = new FakeSearch();
    search.listStatus = status;
    const one = await rig(search);
    await tick(one, 1, 2);
    one.sender.start();
    await vi.waitFor(() => expect(one.waits.length).toBeGreaterThanOrEqual(3), PATIENT);
    expect(search.bulks, 'a stream without a template would be created').toBe(0);
    expect(one.said).toEqual([expect.stringMatching(new RegExp(`${status}.* made up.*\\[${code}\\]`))]);
    search.listStatus = 200;
    await settled(one);
    expect(search.documents).toHaveLength(2);
    expect(one.figure('dead_letters_total')).toBe(0);
  },
);

test('a key that may not list templates sends documents to a server that has them', async () => {
  const search = new FakeSearch();
  search.listStatus = 403;
  const one = await rig(search);
  await tick(one, 1, 2);
  one.sender.start();
  await settled(one);
  expect(search.documents).toHaveLength(2);
  expect(one.said).toEqual([]);
});

test('nothing is sent to streams that would get the template of another owner, and the log names it', async () => {
  const search = new FakeSearch();
  search.otherTemplates = [
    { name: 'all-metrics', index_template: { index_patterns: ['metrics-*'], priority: 500 } },
  ];
  const one = await rig(search);
  await tick(one, 1, 2);
  one.sender.start();
  await vi.waitFor(() => expect(one.waits.length).toBeGreaterThanOrEqual(3), PATIENT);
  expect(search.bulks).toBe(0);
  expect(one.said).toEqual([
    expect.stringMatching(/all-metrics .*outranks metrics-kvm.vm.*\[SEARCH_OUTRANKED\]/),
  ]);
  search.otherTemplates = [];
  await settled(one);
  expect(search.documents).toHaveLength(2);
});

test.each([
  ['an update of virtune with a new stream', 'net', '; run virtune elasticsearch setup'],
  ['the removal of a template', 'vm', '; run virtune elasticsearch setup'],
  ['a setup without --metricbeat-compat', 'status', '; run virtune elasticsearch setup --metricbeat-compat'],
] as const)(
  'after %s nothing is sent to the stream without a template, %s, until it has one; the other streams are not held up',
  async (_why, lacking, command) => {
    for (const kind of ['elasticsearch', 'opensearch'] as const) {
      const stream = `metrics-kvm.${lacking}-default`;
      const other = lacking === 'vm' ? 'net' : 'vm';
      const search = new FakeSearch(kind);
      search.templatesVersion = 0;
      search.missingTemplates.add(`metrics-kvm.${lacking}`);
      const one = await rig(search, kind, { withParking: true });
      for (let at = 0; at < 4; at++) await tick(one, at, 5, ['host', other, lacking]);
      one.sender.start();
      await vi.waitFor(() => expect(countOf(search, other)).toBe(20), PATIENT);
      await vi.waitFor(() => expect(one.figure('stream_up', { stream })).toBe(0), PATIENT);
      await vi.waitFor(() => expect(one.waits.length, 'it is looked at again').toBeGreaterThan(3), PATIENT);
      expect(search.streams.has(stream), 'a stream with guessed mappings').toBe(false);
      expect(one.figure('stream_up', { stream: `metrics-kvm.${other}-default` })).toBe(1);
      const missing = one.said.filter((line) => line.includes('[SEARCH_NOT_SET_UP]'));
      expect(missing[0]).toContain(
        `has no template metrics-kvm.${lacking} for the data stream ${stream} yet`,
      );
      expect(missing[0]).toContain(`${command};`);
      const outdated = one.said.filter((line) => line.includes('older virtune'));
      expect(outdated, 'each connection finds it').toHaveLength(lacking === 'vm' ? 0 : 1);
      search.missingTemplates.clear();
      await settled(one);
      expect([search.documents.length, countOf(search, lacking)]).toEqual([60, 20]);
      expect(one.figure('dead_letters_total')).toBe(0);
    }
  },
);

test('one stream that would get the template of another owner waits apart, and the others are sent', async () => {
  const search = new FakeSearch();
  search.otherTemplates = [
    { name: 'net-replicas', index_template: { index_patterns: ['metrics-kvm.net-*'], priority: 500 } },
  ];
  const one = await rig(search, 'q', { withParking: true });
  await tick(one, 0, 5, STREAMS);
  one.sender.start();
  for (let at = 1; at < 6; at++) {
    await tick(one, at, 5, STREAMS);
    await vi.waitFor(() => expect(countOf(search, 'vm')).toBe(5 * (at + 1)), PATIENT);
  }
  await vi.waitFor(() => expect(one.queue.state.documents, 'only parked documents wait').toBe(0), PATIENT);
  expect([one.figure('queue_documents'), search.streams.has(NET)]).toEqual([30, false]);
  expect([one.figure('up'), one.figure('stream_up', { stream: NET })]).toEqual([0, 0]);
  await vi.waitFor(
    () =>
      expect(one.said.join('\n')).toMatch(
        /net-replicas .*outranks metrics-kvm.net, .* not blocked \[SEARCH_OUTRANKED\]/,
      ),
    PATIENT,
  );
  search.otherTemplates = [];
  await settled(one);
  expect([search.documents.length, countOf(search, 'net')]).toEqual([90, 30]);
  await vi.waitFor(() => expect(one.figure('up')).toBe(1), PATIENT);
});

/** A copy of virtune's template for `net` from before the last two fields were added. */
function olderCopy(kind: 'elasticsearch' | 'opensearch', without: readonly string[]): SimulatedTemplate {
  const { properties } = mappingOf(
    fieldsOf('net').filter(({ name }) => !without.includes(name)),
    { kind },
  );
  const index = kind === 'elasticsearch' ? { mode: 'time_series' } : {};
  return { settings: { index }, mappings: { dynamic: 'false', properties } };
}

interface SimulatedTemplate {
  readonly settings: unknown;
  readonly mappings: { readonly dynamic?: unknown; readonly properties: Record<string, unknown> };
}

const NEW_FIELDS = ['libvirt_domain_interface_stats_receive_bytes_total', 'event.module'];

const ranksCopy = (search: FakeSearch): void => {
  search.otherTemplates = [
    { name: 'net-copy', index_template: { index_patterns: ['metrics-kvm.net-*'], priority: 400 } },
  ];
};

test.each(['elasticsearch', 'opensearch'] as const)(
  'a copy of the template that lacks new fields holds up nothing, and the log names it once: %s',
  async (kind) => {
    const search = new FakeSearch(kind);
    ranksCopy(search);
    search.simulated = olderCopy(kind, NEW_FIELDS);
    const one = await rig(search, 'q', { withParking: true });
    for (let at = 0; at < 3; at++) await tick(one, at, 5, STREAMS);
    one.sender.start();
    await settled(one);
    faults(search, ...Array(search.bulks), { kind: 'status', status: 401 });
    await tick(one, 4, 5, STREAMS);
    await settled(one);
    expect([search.opened, search.documents.length]).toEqual([2, 60]);
    expect(one.said.filter((line) => line.includes('net-copy'))).toEqual([
      expect.stringMatching(
        /^http:\S+: index template net-copy \(priority 400, metrics-kvm.net-\*\) outranks metrics-kvm.net and lacks the field \S+ and 1 more; .*add them to that template$/,
      ),
    ]);
  },
);

test.each<[what: string, change: (copy: SimulatedTemplate) => unknown]>([
  [
    'guesses the fields that it lacks',
    ({ mappings, ...rest }) => ({ ...rest, mappings: { properties: mappings.properties } }),
  ],
  [
    'rejects the fields that it lacks',
    ({ mappings, ...rest }) => ({ ...rest, mappings: { ...mappings, dynamic: 'strict' } }),
  ],
  [
    'has another type for a field',
    ({ mappings, ...rest }) => ({
      ...rest,
      mappings: {
        ...mappings,
        properties: { ...mappings.properties, [NEW_FIELDS[0] as string]: { type: 'text' } },
      },
    }),
  ],
  [
    'has an object in the place of a field',
    ({ mappings, ...rest }) => ({
      ...rest,
      mappings: {
        ...mappings,
        properties: {
          ...mappings.properties,
          [NEW_FIELDS[0] as string]: { properties: { a: { type: 'long' } } },
        },
      },
    }),
  ],
  [
    'lacks a dimension',
    ({ mappings, ...rest }) => {
      const { kvm: _kvm, ...properties } = mappings.properties;
      return { ...rest, mappings: { ...mappings, properties } };
    },
  ],
  ['makes no time series', ({ mappings }) => ({ settings: { index: {} }, mappings })],
])('nothing is sent to a stream whose template %s', async (_what, change) => {
  const search = new FakeSearch();
  ranksCopy(search);
  search.simulated = change(olderCopy('elasticsearch', NEW_FIELDS));
  const one = await rig(search, 'q', { withParking: true });
  await tick(one, 0, 5, STREAMS);
  one.sender.start();
  await vi.waitFor(() => expect(one.figure('stream_up', { stream: NET })).toBe(0), PATIENT);
  expect([countOf(search, 'vm'), search.streams.has(NET)]).toEqual([5, false]);
  await vi.waitFor(() => expect(one.said.join('\n')).toContain('[SEARCH_OUTRANKED]'), PATIENT);
  search.simulated = olderCopy('elasticsearch', []);
  await settled(one);
  expect(countOf(search, 'net')).toBe(5);
});

test('templates of an older virtune are reported as outdated, and documents are sent anyway', async () => {
  const search = new FakeSearch();
  search.templatesVersion = 0;
  const one = await rig(search);
  await tick(one, 1, 2);
  one.sender.start();
  await settled(one);
  expect(search.documents).toHaveLength(2);
  expect(one.said).toEqual([expect.stringContaining('run virtune elasticsearch setup')]);
});

test('secrets are read again after a refusal', async () => {
  const search = new FakeSearch();
  faults(search, { kind: 'status', status: 401 });
  const one = await rig(search);
  await tick(one, 1, 1);
  one.sender.start();
  await settled(one);
  expect(search.opened).toBe(2);
});

/** Copies the folder as it is now; files that disappear during the copy were being deleted. */
function snapshot(from: string, to: string): void {
  mkdirSync(to);
  for (const entry of readdirSync(from, { withFileTypes: true })) {
    const { name } = entry;
    if (entry.isDirectory()) snapshot(join(from, name), join(to, name));
    if (!entry.isFile()) continue;
    try {
      copyFileSync(join(from, name), join(to, name));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    }
  }
}

const STREAMS: readonly StreamName[] = ['host', 'vm', 'net'];
const NET = 'metrics-kvm.net-default';

const countOf = (search: FakeSearch, stream: Document['stream']): number =>
  (search.streams.get(`metrics-kvm.${stream}-default`) ?? []).reduce((sum, index) => sum + index.size, 0);

test.each([
  ['a write block', 403],
  ['a shard without a primary', 503],
  ['a failing shard', 500],
  ['an index that is not there', 404],
  ['an overloaded server', 429],
])(
  '%s of one stream holds up only that stream, and its documents are sent once it is over',
  async (_what, status) => {
    const search = new FakeSearch();
    search.refuses = (stream) => (stream === NET ? status : undefined);
    const one = await rig(search, 'q', { withParking: true });
    await tick(one, 0, 5, STREAMS);
    one.sender.start();
    for (let at = 1; at <= 6; at++) {
      await tick(one, at, 5, STREAMS);
      await vi.waitFor(
        () => expect([countOf(search, 'host'), countOf(search, 'vm')]).toEqual([5 * (at + 1), 5 * (at + 1)]),
        PATIENT,
      );
    }
    expect(countOf(search, 'net')).toBe(0);
    await vi.waitFor(() => expect(one.queue.state.documents, 'only parked documents wait').toBe(0), PATIENT);
    expect(one.figure('queue_documents')).toBe(35);
    expect(one.figure('up')).toBe(0);
    expect(one.figure('stream_up', { stream: NET })).toBe(0);
    expect(one.figure('stream_up', { stream: 'metrics-kvm.vm-default' })).toBe(1);
    expect(one.figure('stream_oldest_age_seconds', { stream: NET })).toBeGreaterThan(0);
    expect(one.figure('stream_oldest_age_seconds', { stream: 'metrics-kvm.vm-default' })).toBe(0);
    expect(one.said.join('\n')).toMatch(
      new RegExp(`${NET} does not accept documents .* not blocked \\[SEARCH_`),
    );
    search.refuses = () => undefined;
    await settled(one);
    await tick(one, 7, 5, STREAMS);
    await settled(one);
    expect(countOf(search, 'net')).toBe(40);
    expect(search.documents).toHaveLength(120);
    expect(one.figure('up')).toBe(1);
    expect(one.figure('stream_up', { stream: NET })).toBe(1);
    expect(one.figure('dead_letters_total')).toBe(0);
    expect(one.figure('sent_total')).toBe(120);
    expect(one.said.join('\n')).toContain(`${NET} accepts documents again`);
  },
);

test.each([
  [
    'the limit of shards in the cluster',
    'validation_exception',
    'Validation Failed: 1: this action would add [2] shards, but this cluster currently has [1000]/[1000] maximum normal shards open;',
    'raise cluster.max_shards_per_node',
  ],
  [
    'a pipeline that is gone',
    'illegal_argument_exception',
    'pipeline with id [add-site] does not exist',
    'create the pipeline',
  ],
])(
  'while %s keeps a server from taking documents of one stream, they wait, and none becomes a dead letter',
  async (_what, type, reason, next) => {
    for (const kind of ['elasticsearch', 'opensearch'] as const) {
      const search = new FakeSearch(kind);
      search.refusalType = type;
      search.refusal = reason;
      search.refuses = (stream) => (stream === NET ? 400 : undefined);
      const one = await rig(search, kind, { withParking: true });
      for (let at = 0; at < 4; at++) await tick(one, at, 5, STREAMS);
      one.sender.start();
      await vi.waitFor(() => expect(countOf(search, 'vm')).toBe(20), PATIENT);
      await vi.waitFor(() => expect(one.figure('stream_up', { stream: NET })).toBe(0), PATIENT);
      await vi.waitFor(() => expect(one.waits.length, 'it is asked again').toBeGreaterThan(3), PATIENT);
      expect([one.figure('up'), one.figure('dead_letters_total')]).toEqual([0, 0]);
      const said = one.said.join('\n');
      expect(said).toContain(`${NET} does not accept documents (${type}: ${reason}); ${next}`);
      expect(said).toContain('[SEARCH_REFUSED]');
      search.refuses = () => undefined;
      await settled(one);
      expect([search.documents.length, one.figure('dead_letters_total')]).toEqual([60, 0]);
    }
  },
);

const READ_ONLY =
  'index [.ds-metrics-kvm.vm-default-2026.11.29-000003] blocked by: [FORBIDDEN/8/index write (api)];';

/** An index that rejects all documents from before this moment, in any stream. */
const downsampled =
  (beforeMs: number) =>
  (_stream: string, body: string): number | undefined =>
    JSON.parse(body)['@timestamp'] < beforeMs ? 403 : undefined;

test.each([
  ['of all streams', STREAMS],
  ['of one stream', ['vm'] as const],
])(
  'documents %s for an index that was downsampled, many batches of them, become dead letters and hold up no newer ones',
  async (_what, streams) => {
    const search = new FakeSearch();
    search.refusal = READ_ONLY;
    search.refuses = downsampled(30);
    const one = await rig(search, 'q', { batchBytes: 1_000, withParking: true });
    for (let at = 0; at < 40; at++) await tick(one, at, 5, streams);
    one.sender.start();
    await settled(one);
    const perTick = 5 * streams.length;
    expect(search.documents).toHaveLength(10 * perTick);
    expect(new Set(search.documents).size).toBe(10 * perTick);
    expect(one.figure('dead_letters_total')).toBe(30 * perTick);
    expect((one.figure('sent_total') ?? 0) + (one.figure('duplicates_total') ?? 0)).toBe(10 * perTick);
    expect(one.figure('conflicts_total'), 'it was this exporter that sent them before').toBe(0);
    expect(one.figure('up')).toBe(1);
    const [letter] = await lettersIn('q');
    expect(letter?.reason).toContain(`${READ_ONLY}; its stream accepts newer documents`);
  },
);

test('documents for a full shard wait while other shards of the index take newer ones, and none becomes a dead letter', async () => {
  const search = new FakeSearch();
  search.refusalType = 'illegal_argument_exception';
  search.refusal =
    'Number of documents in shard [.ds-metrics-kvm.vm-default-2026.11.29-000003][0] exceeds the limit of [2147483519] documents per shard';
  search.refuses = (stream, body) =>
    stream === NET && downsampled(6)(stream, body) !== undefined ? 400 : undefined;
  const one = await rig(search, 'q', { withParking: true });
  for (let at = 0; at < 10; at++) await tick(one, at, 5, STREAMS);
  one.sender.start();
  await vi.waitFor(() => expect(countOf(search, 'vm')).toBe(50), PATIENT);
  await vi.waitFor(() => expect(one.waits.length).toBeGreaterThan(5), PATIENT);
  expect([countOf(search, 'net'), one.figure('dead_letters_total')]).toEqual([20, 0]);
  expect(one.said.join('\n')).toContain('roll the stream over');
  search.refuses = () => undefined;
  await settled(one);
  expect([search.documents.length, one.figure('dead_letters_total')]).toEqual([150, 0]);
});

test('an index of the past that is closed holds up no newer documents', async () => {
  const search = new FakeSearch();
  search.refusalType = 'index_closed_exception';
  search.refusal = 'closed';
  search.refuses = (stream, body) => (downsampled(6)(stream, body) === undefined ? undefined : 400);
  const one = await rig(search, 'q', { batchBytes: 1_000, withParking: true });
  for (let at = 0; at < 10; at++) await tick(one, at, 5, STREAMS);
  one.sender.start();
  await settled(one);
  expect(search.documents).toHaveLength(60);
  expect(one.figure('dead_letters_total')).toBe(90);
  const [letter] = await lettersIn('q');
  expect(letter).toMatchObject({ status: 400, reason: expect.stringContaining('accepts newer documents') });
});

test('while an index takes none of the newest documents either, all wait, and are sent once the block is gone', async () => {
  const search = new FakeSearch();
  search.refusal = READ_ONLY;
  search.refuses = downsampled(Number.POSITIVE_INFINITY);
  const one = await rig(search, 'q', { batchBytes: 1_000, withParking: true });
  for (let at = 0; at < 10; at++) await tick(one, at, 5, STREAMS);
  one.sender.start();
  await vi.waitFor(() => expect(one.waits.length).toBeGreaterThan(5), PATIENT);
  expect(one.figure('dead_letters_total')).toBe(0);
  search.refuses = () => undefined;
  await settled(one);
  expect(search.documents).toHaveLength(150);
  expect(one.figure('dead_letters_total')).toBe(0);
  expect(one.figure('conflicts_total')).toBe(0);
});

test('documents that are being sent are dropped as too old once they are, and newer ones follow', async () => {
  const search = new FakeSearch();
  search.refuses = (_stream, body) => (body.includes('"@timestamp":1,') ? 403 : undefined);
  let nowMs = 1;
  const one = await rig(search, 'q', { batchBytes: 1_000, maxAgeMs: 1_000, now: () => nowMs });
  await tick(one, 1, 40);
  await tick(one, 500, 10);
  one.sender.start();
  await vi.waitFor(() => expect(one.waits.length).toBeGreaterThan(5), PATIENT);
  expect(search.documents).toEqual([]);
  nowMs = 1_200;
  await settled(one);
  expect(search.documents).toHaveLength(10);
  expect(one.figure('dropped_total', { reason: 'too_old' })).toBe(40);
});

test('while the server refuses all streams, documents wait in the queue in their order, and none is parked', async () => {
  const search = new FakeSearch();
  search.refuses = () => 503;
  const one = await rig(search, 'q', { withParking: true });
  for (let at = 0; at < 3; at++) await tick(one, at, 5, STREAMS);
  one.sender.start();
  await vi.waitFor(() => expect(one.waits.length).toBeGreaterThan(5), PATIENT);
  expect(one.queue.state.documents).toBe(45);
  expect(one.parking?.states.size).toBe(0);
  expect(one.figure('up')).toBe(0);
  search.refuses = () => undefined;
  await settled(one);
  expect(search.documents).toHaveLength(45);
  expect(one.figure('up')).toBe(1);
});

test('a backlog of a parked stream, many batches long, is parked without waiting for new documents', async () => {
  const search = new FakeSearch();
  search.refuses = (stream) => (stream === NET ? 403 : undefined);
  const one = await rig(search, 'q', { batchBytes: 1_000, withParking: true });
  await tick(one, 0, 5, STREAMS);
  one.sender.start();
  await vi.waitFor(() => expect(one.queue.state.documents).toBe(0), PATIENT);
  rigs.splice(rigs.indexOf(one), 1);
  await end(one);
  const next = await rig(search, 'q', { batchBytes: 1_000, withParking: true });
  for (let at = 1; at <= 8; at++) await tick(next, at, 5, ['net']);
  next.sender.start();
  await vi.waitFor(() => expect(next.queue.state.documents).toBe(0), PATIENT);
  expect(next.figure('queue_documents')).toBe(45);
});

test('documents that were parked when the process ended are sent by the next one', async () => {
  const search = new FakeSearch();
  search.refuses = (stream) => (stream === NET ? 403 : undefined);
  const one = await rig(search, 'q', { withParking: true });
  for (let at = 0; at < 3; at++) await tick(one, at, 5, STREAMS);
  one.sender.start();
  await vi.waitFor(() => expect(one.queue.state.documents).toBe(0), PATIENT);
  rigs.splice(rigs.indexOf(one), 1);
  await end(one);
  search.refuses = () => undefined;
  const next = await rig(search, 'q', { withParking: true });
  expect(next.figure('queue_documents')).toBe(15);
  next.sender.start();
  await settled(next);
  expect(countOf(search, 'net')).toBe(15);
  expect(search.documents).toHaveLength(45);
});

test('a parked stream drops its oldest documents above its share of the queue, and counts them', async () => {
  const search = new FakeSearch();
  search.refuses = (stream) => (stream === NET ? 403 : undefined);
  // Small batches: what is in flight is never dropped.
  const one = await rig(search, 'q', { batchBytes: 1_000, withParking: true, parkedBytes: 5_000 });
  one.sender.start();
  for (let at = 0; at < 40; at++) await tick(one, at, 5, STREAMS);
  await vi.waitFor(() => expect(one.queue.state.documents).toBe(0), PATIENT);
  const dropped = one.figure('dropped_total', { reason: 'queue_full' }) ?? 0;
  expect(dropped).toBeGreaterThan(0);
  expect(one.figure('queue_documents')).toBe(200 - dropped);
  expect(one.parking?.bytes).toBeLessThan(8_000);
  search.refuses = () => undefined;
  await settled(one);
  expect(countOf(search, 'net')).toBe(200 - dropped);
});

test('a disk that fails in the middle of a batch costs time, and no document', async () => {
  const search = new FakeSearch();
  const one = await rig(search);
  for (let at = 0; at < 4; at++) await tick(one, at, 5);
  const take = one.queue.take.bind(one.queue);
  vi.spyOn(one.queue, 'take')
    .mockImplementationOnce(take)
    .mockImplementationOnce(take)
    .mockRejectedValueOnce(new Error('EIO: i/o error, read'));
  one.sender.start();
  await settled(one);
  expect(one.said[0]).toContain('EIO');
  expect(search.documents).toHaveLength(20);
});

test('what the disk cannot park stays in the queue, and the other streams go on', async () => {
  const search = new FakeSearch();
  search.refuses = (stream) => (stream === NET ? 403 : undefined);
  const one = await rig(search, 'q', { withParking: true });
  // A file in place of the folder.
  writeFileSync(join(root, 'q', 'parked'), '');
  one.sender.start();
  for (let at = 0; at < 4; at++) {
    await tick(one, at, 5, STREAMS);
    await vi.waitFor(() => expect(countOf(search, 'vm')).toBe(5 * (at + 1)), PATIENT);
  }
  expect(one.queue.state.documents).toBe(60);
  search.refuses = () => undefined;
  await settled(one);
  expect(search.documents).toHaveLength(60);
});

test('documents that another exporter of the same host has sent are counted, and the log names the host', async () => {
  const search = new FakeSearch();
  const first = await rig(search, 'first');
  const second = await rig(search, 'second');
  for (const one of [first, second]) {
    await tick(one, 1, 10);
    one.sender.start();
    await settled(one);
  }
  expect(search.documents).toHaveLength(10);
  expect([first.figure('conflicts_total'), second.figure('conflicts_total')]).toEqual([0, 10]);
  expect(second.figure('duplicates_total')).toBe(10);
  expect(first.said).toEqual([]);
  expect(second.said).toEqual([
    expect.stringMatching(
      /host h .*another exporter sends the same host .*another host has the same host\.id, .*host_id/,
    ),
  ]);
});

test('a response that was lost is not mistaken for another exporter', async () => {
  const search = new FakeSearch();
  faults(search, { kind: 'lost answer' });
  const one = await rig(search);
  await tick(one, 1, 10);
  one.sender.start();
  await settled(one);
  expect(one.figure('duplicates_total')).toBe(10);
  expect(one.figure('conflicts_total')).toBe(0);
});

test('the server is asked to answer well before the client stops waiting for it', async () => {
  const search = new FakeSearch();
  const request = search.request.bind(search);
  const timeouts: unknown[] = [];
  search.request = async (what) => {
    if (what.path === '/_bulk') timeouts.push(what.query?.['timeout']);
    return request(what);
  };
  const one = await rig(search);
  await tick(one, 1, 1);
  one.sender.start();
  await settled(one);
  expect(timeouts).toEqual(['15000ms']);
});

const FLOOD = 'index [x] blocked by: [FORBIDDEN/12/index read-only / allow delete (api)];';
const page = (title: string): string => `<html><head><title>${title}</title></head><body>...</body></html>`;

test.each<[what: string, fault: Fault, code: string, says: string]>([
  [
    'a login page',
    { kind: 'status', status: 200, body: page('Please log in') },
    'SEARCH_ANSWER',
    'login page',
  ],
  [
    'a redirect',
    { kind: 'status', status: 302, headers: { location: 'https://sso/x' }, body: '' },
    'SEARCH_ANSWER',
    'https://sso',
  ],
  [
    'a 400 of a proxy',
    { kind: 'status', status: 400, body: page('Bad Request') },
    'SEARCH_ANSWER',
    'Bad Request',
  ],
  [
    'a 400 of an API gateway',
    { kind: 'status', status: 400, body: { message: 'No way' } },
    'SEARCH_ANSWER',
    'No way',
  ],
  [
    'a 404 of a proxy',
    { kind: 'status', status: 404, body: page('Not Found') },
    'SEARCH_ANSWER',
    'Not Found',
  ],
  [
    'an answer to something else',
    { kind: 'status', status: 200, body: { ok: true } },
    'SEARCH_ANSWER',
    'proxy',
  ],
  [
    'a gateway',
    { kind: 'status', status: 502, body: page('502 Bad Gateway') },
    'SEARCH_REFUSED',
    'Bad Gateway',
  ],
  ['a gateway that is full', { kind: 'status', status: 503, body: page('Busy') }, 'SEARCH_BUSY', 'Busy'],
  ['too many requests', { kind: 'status', status: 429 }, 'SEARCH_BUSY', 'overloaded'],
  ['a missing permission', { kind: 'status', status: 403 }, 'SEARCH_PERMISSION', 'API key'],
  [
    'a forbidding proxy',
    { kind: 'status', status: 403, body: page('Forbidden') },
    'SEARCH_PERMISSION',
    'proxy',
  ],
  [
    'the flood stage of the disk',
    { kind: 'status', status: 403, body: { error: { type: 'cluster_block_exception', reason: FLOOD } } },
    'SEARCH_BLOCKED',
    'free disk space',
  ],
  ['a refused connection', { kind: 'refused' }, 'SEARCH_UNREACHABLE', 'ECONNREFUSED'],
  ['no answer', { kind: 'lost request' }, 'SEARCH_NO_ANSWER', 'hang up'],
])(
  '%s is logged with a code and the next step, and every document is kept and sent',
  async (_what, fault, code, says) => {
    const search = new FakeSearch();
    search.fault = (bulk) => (bulk < 3 ? fault : undefined);
    const one = await rig(search, 'q', { withParking: true });
    await tick(one, 1, 4, STREAMS);
    one.sender.start();
    await settled(one);
    expect(search.documents).toHaveLength(12);
    expect(one.figure('dead_letters_total')).toBe(0);
    expect(one.said[0]).toContain(says);
    expect(one.said[0]).toMatch(new RegExp(`\\[${code}\\]$`));
  },
);

/** `VIRTUNE_FAULT_RUNS=1000` for a longer run. */
const RUNS = Number(process.env['VIRTUNE_FAULT_RUNS'] ?? 40);

test('after hundreds of runs with random faults and kills every document is stored once', async () => {
  for (let seed = 1; seed <= RUNS; seed++) {
    const random = seededRandom(seed);
    const search = new FakeSearch(seed % 2 === 0 ? 'elasticsearch' : 'opensearch');
    const statuses = [413, 429, 500, 502, 503, 504, 401, 200];
    search.fault = () => {
      if (random() < 0.15) search.rollOver();
      const kinds: Fault[] = [
        { kind: 'refused' },
        { kind: 'lost request' },
        { kind: 'lost answer' },
        { kind: 'half done' },
        { kind: 'status', status: statuses[Math.floor(random() * statuses.length)] ?? 503 },
        { kind: 'items', status: random() < 0.7 ? 429 : 503, every: 1 + Math.floor(random() * 4) },
      ];
      return random() < 0.4 ? kinds[Math.floor(random() * kinds.length)] : undefined;
    };
    // Occasionally a stream accepts nothing.
    let down: StreamName | undefined;
    search.refuses = (stream) => (stream === `metrics-kvm.${down}-default` ? 403 : undefined);
    const options = { batchBytes: 2_000, withParking: true };
    let dir = `s${seed}`;
    let one = await rig(search, dir, options);
    let made = 0;
    for (let life = 0; life < 3; life++) {
      one.sender.start();
      for (let ticks = 0; ticks < 3; ticks++) {
        await tick(one, life * 10 + ticks, 4, STREAMS);
        made += 12;
        down = random() < 0.4 ? STREAMS[Math.floor(random() * STREAMS.length)] : undefined;
        for (let turns = random() * 30; turns > 0; turns--)
          await new Promise((resolve) => setImmediate(resolve));
      }
      // A kill: the next process starts with what is on the disk at this moment.
      const next = `s${seed}-${life}`;
      snapshot(join(root, dir), join(root, next));
      if (life === 2) {
        down = undefined;
        await settled(one);
      }
      rigs.splice(rigs.indexOf(one), 1);
      await end(one);
      if (life === 2) break;
      dir = next;
      one = await rig(search, dir, options);
    }
    expect([seed, search.documents.length, new Set(search.documents).size]).toEqual([seed, made, made]);
    expect(await lettersIn(dir)).toEqual([]);
    rmSync(join(root, dir), { recursive: true, force: true });
  }
}, 600_000);

test('a queue that cannot be read says nothing about the server, and is named with what to do', async () => {
  const one = await rig(new FakeSearch());
  await tick(one, 1, 2);
  one.sender.start();
  await settled(one);
  expect(one.figure('up')).toBe(1);
  const failure = Object.assign(new Error('EIO: i/o error, read'), { code: 'EIO', syscall: 'read' });
  const take = vi.spyOn(one.queue, 'take').mockRejectedValueOnce(failure);
  await tick(one, 2, 2);
  await settled(one);
  expect(take).toHaveBeenCalled();
  expect(one.said.join('\n')).toContain('EIO: i/o error');
  expect(one.said.join('\n'), 'a code of Node.js is none of ours').not.toContain('[EIO]');
  expect(one.figure('up')).toBe(1);
});

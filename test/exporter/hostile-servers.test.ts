import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { BulkClient } from '../../exporter/elasticsearch/bulk-client.ts';
import { BulkSender } from '../../exporter/elasticsearch/bulk-sender.ts';
import { openClient } from '../../exporter/elasticsearch/client.ts';
import { pack } from '../../exporter/elasticsearch/pack.ts';
import { TEMPLATES_VERSION } from '../../exporter/elasticsearch/setup/templates.ts';
import { SinkMeter } from '../../exporter/elasticsearch/sink-meter.ts';
import { openOtlpClient, shownUrl } from '../../exporter/otlp/otlp-client.ts';
import { OtlpMeter } from '../../exporter/otlp/otlp-meter.ts';
import { OtlpSender } from '../../exporter/otlp/otlp-sender.ts';
import { DiskQueue } from '../../exporter/queue/queue.ts';
import { OWN_TEMPLATES } from './elasticsearch/own-templates.ts';
import {
  answered,
  gzipBomb,
  HOSTILE,
  HostileServer,
  type RawAnswer,
  type RawRequest,
} from './hostile-server.ts';

/* Search servers and receivers that were taken over, or are something else: what they answer costs bounded memory and time. */

/** When nothing waits for the timeout: the longest that a busy machine needs for such a response. */
const TIMEOUT_MS = 5_000;
/** When the request ends by timing out. */
const SHORT_TIMEOUT_MS = 200;
const timeoutOf = (code: string): number => (code.endsWith('NO_ANSWER') ? SHORT_TIMEOUT_MS : TIMEOUT_MS);
const DOCUMENTS = 3;
const SECRET = 'the-api-key';
/** The queue and the sender need some MiB; a response that is read before it is refused has 8 MiB, three times. */
const MEMORY_MAX_BYTES = 160 * 1_024 * 1_024;
/** Characters that could end a log line or control a terminal. */
const CONTROL = /\p{Cc}/u;

let dir: string;
let server: HostileServer;
let hostile: ((request: RawRequest) => RawAnswer | undefined) | undefined;
let stop: () => Promise<void>;
const logged: string[] = [];
const delivered: string[] = [];
const log = (message: string): void => void logged.push(message);
/** The sender is paused after its second failure, until the test resumes it. */
let failures = 0;
let held: PromiseWithResolvers<void>;
const wait = async (): Promise<void> => {
  if (++failures === 2) await held.promise;
};

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'virtune-hostile-'));
  logged.length = 0;
  delivered.length = 0;
  failures = 0;
  held = Promise.withResolvers();
});
afterEach(async () => {
  hostile = undefined;
  held.resolve();
  await stop();
  server.stop();
  rmSync(dir, { recursive: true, force: true });
});

const openQueue = (kind: 'elasticsearch' | 'otlp'): Promise<DiskQueue> =>
  DiskQueue.open({
    dir,
    kind,
    maxBytes: 1e9,
    maxAgeMs: 1e12,
    now: Date.now,
    onDrop: (reason, count) => expect.fail(`${count} were dropped: ${reason}`),
    onTrouble: (error) => expect.fail(error.message),
  });

const deadLetters = { keep: async () => expect.fail('a dead letter'), path: 'dead-letters' };

/** As Elasticsearch answers. */
function searchAnswer({ path, body }: RawRequest): RawAnswer {
  const headers = { 'content-type': 'application/json', 'x-elastic-product': 'Elasticsearch' };
  if (path === '/') return answered(200, { version: { number: '9.1.0' } }, headers);
  if (path.startsWith('/_index_template?')) return answered(200, { index_templates: OWN_TEMPLATES }, headers);
  if (path.startsWith('/_index_template'))
    return answered(200, { index_templates: [{ index_template: { version: TEMPLATES_VERSION } }] }, headers);
  const text = gunzipSync(body).toString();
  const documents = text.split('\n').filter((line) => line.startsWith('{"kvm'));
  delivered.push(...documents);
  return answered(200, { items: documents.map(() => ({ create: { status: 201 } })) }, headers);
}

async function searchRig(timeoutMs = TIMEOUT_MS) {
  const queue = await openQueue('elasticsearch');
  server = await HostileServer.start((request) => hostile?.(request) ?? searchAnswer(request));
  const meter = new SinkMeter();
  const settings = {
    nodes: [server.url],
    cloudId: undefined,
    auth: { apiKey: SECRET },
    ca: undefined,
    caFingerprint: undefined,
    requestTimeoutMs: timeoutMs,
    compress: true,
  };
  const sender = new BulkSender({
    queue,
    inherited: 0,
    client: new BulkClient(() => openClient(settings, '1'), timeoutMs, Date.now, log),
    deadLetters,
    meter,
    onServer: () => undefined,
    batchBytes: 1e6,
    now: Date.now,
    random: () => 1,
    log,
    target: 'the server',
    wait,
  });
  const head = { host: 'h', at: Date.now(), namespace: 'default' };
  const documents = Array.from({ length: DOCUMENTS }, (_, vm) => ({
    stream: 'vm' as const,
    key: `uuid-${vm}`,
    body: JSON.stringify({ 'kvm.uuid': `uuid-${vm}` }),
  }));
  for await (const packed of pack(head, documents))
    await queue.append(packed.payload, packed.documents, head.at);
  stop = async () => {
    await sender.stop(0);
    await queue.close();
  };
  return { queue, sender, settled: () => meter.sent + meter.duplicates + meter.deadLetters };
}

async function otlpRig(timeoutMs = TIMEOUT_MS) {
  const queue = await openQueue('otlp');
  server = await HostileServer.start(
    (request) =>
      hostile?.(request) ??
      ((socket) => {
        delivered.push(gunzipSync(request.body).toString());
        answered(200, '')(socket);
      }),
  );
  const meter = new OtlpMeter();
  const url = `${server.url}/v1/metrics`;
  const settings = { url, headers: { authorization: SECRET }, ca: undefined, clientCert: undefined };
  const sender = new OtlpSender({
    queue,
    open: async () => openOtlpClient({ ...settings, timeoutMs, compress: true }, '1'),
    address: shownUrl(url),
    deadRequests: deadLetters,
    meter,
    now: Date.now,
    random: () => 1,
    log,
    wait,
  });
  for (let each = 0; each < DOCUMENTS; each++) await queue.append(gzipSync(`request ${each}`), 1, Date.now());
  stop = async () => {
    await sender.stop(0);
    await queue.close();
  };
  return {
    queue,
    sender,
    settled: () => meter.rejected + meter.deadLetters + DOCUMENTS - queue.state.documents,
  };
}

interface Rig {
  readonly queue: DiskQueue;
  readonly sender: { start(): void };
  /** The number that the sender has settled in any way. */
  readonly settled: () => number;
}

/** Checks how the sender handles such responses, and that it continues where it was once they stop. */
async function survives({ queue, sender, settled }: Rig, code: string): Promise<void> {
  const before = process.memoryUsage.rss();
  let highest = before;
  const timer = setInterval(() => {
    highest = Math.max(highest, process.memoryUsage.rss());
  }, 5);
  try {
    sender.start();
    await vi.waitFor(() => expect(failures).toBe(2), { timeout: 30_000, interval: 10 });
  } finally {
    clearInterval(timer);
  }
  expect([settled(), queue.state.documents, delivered]).toEqual([0, DOCUMENTS, []]);
  expect(logged).toHaveLength(1);
  expect(logged[0]).toMatch(new RegExp(`^${server.url}.*; virtune retries \\[${code}\\]$`));
  expect(logged[0]).not.toMatch(CONTROL);
  expect(logged[0]?.length).toBeLessThan(1_000);
  expect(highest - before).toBeLessThan(MEMORY_MAX_BYTES);
  hostile = undefined;
  held.resolve();
  await vi.waitFor(() => expect(queue.state.documents).toBe(0), { timeout: 10_000, interval: 10 });
  // A slow machine may have sent one twice.
  expect(new Set(delivered).size).toBe(DOCUMENTS);
}

const CODES: Readonly<Record<string, string>> = {
  'a body without an end': 'ANSWER',
  'headers without an end': 'ANSWER',
  'a status line that is not HTTP': 'ANSWER',
  'a JSON of 100 MB': 'ANSWER',
  'a length of more than a file system has': 'ANSWER',
};
const table = Object.entries(HOSTILE).map(([what, answer]): [string, RawAnswer, string] => [
  what,
  answer,
  CODES[what] ?? 'NO_ANSWER',
]);

test.each(table)('a search server that answers a bulk request with %s', async (_, answer, code) => {
  hostile = ({ path }) => (path.startsWith('/_bulk') ? answer : undefined);
  await survives(await searchRig(timeoutOf(code)), `SEARCH_${code}`);
});

test.each(table)('a search server that greets with %s', async (_, answer, code) => {
  hostile = ({ path }) => (path === '/' ? answer : undefined);
  await survives(await searchRig(timeoutOf(code)), `SEARCH_${code}`);
});

test.each(table)('a receiver that answers with %s', async (what, answer, code) => {
  hostile = () => answer;
  // It waits for the rest.
  const own = what.startsWith('a length') ? 'NO_ANSWER' : code;
  await survives(await otlpRig(timeoutOf(own)), `OTLP_${own}`);
});

const item = (more: object = {}): object => ({ create: { status: 201, ...more } });
const items = (count: number, more?: object): RawAnswer =>
  answered(200, { items: Array.from({ length: count }, () => item(more)) });
/** A forged line of virtune's log, with control sequences for a terminal. */
const FORGED = '\u001b[2J\r\nvirtune: the configuration was reloaded\u0085\u2028\u009b2J';

const ITEMS: readonly (readonly [string, RawAnswer, string])[] = [
  ['fewer items than were sent', items(DOCUMENTS - 1), 'ANSWER'],
  ['more items than were sent', items(DOCUMENTS + 1), 'ANSWER'],
  ['a million items', items(1_000_000), 'ANSWER'],
  ['items of another stream', items(DOCUMENTS, { _index: '.ds-logs-default-2026.01.01-000001' }), 'ANSWER'],
  ['items without a status', answered(200, { items: Array(DOCUMENTS).fill({ create: {} }) }), 'ANSWER'],
  [
    'items of another operation',
    answered(200, { items: Array(DOCUMENTS).fill({ index: { status: 201 } }) }),
    'ANSWER',
  ],
  ['JSON nested 100,000 deep', answered(200, '['.repeat(100_000) + ']'.repeat(100_000)), 'ANSWER'],
  [
    'an error nested 100,000 deep',
    answered(500, `{"a":${'['.repeat(100_000)}${']'.repeat(100_000)}}`),
    'ANSWER',
  ],
  [
    'an error of objects',
    answered(500, { error: { type: { toString: 1 }, reason: { toString: 1 } } }),
    'REFUSED',
  ],
  [
    'an error that forges lines of the log',
    answered(500, { error: { type: 'x', reason: FORGED } }),
    'REFUSED',
  ],
  ['a text that forges lines of the log', answered(500, FORGED, {}), 'REFUSED'],
  ['a web page of titles that never close', answered(200, '<title '.repeat(300_000), {}), 'ANSWER'],
  [
    'a gigabyte, packed',
    answered(200, gzipBomb(), { 'content-type': 'application/json', 'content-encoding': 'gzip' }),
    'ANSWER',
  ],
  [
    'what is not packed as it says',
    answered(200, '{}', { 'content-type': 'application/json', 'content-encoding': 'gzip' }),
    'ANSWER',
  ],
];

test.each(ITEMS)('a search server that answers a bulk request with %s', async (_, answer, code) => {
  hostile = ({ path }) => (path.startsWith('/_bulk') ? answer : undefined);
  await survives(await searchRig(timeoutOf(code)), `SEARCH_${code}`);
});

const template = (more: object): RawAnswer =>
  answered(200, {
    index_templates: [...OWN_TEMPLATES, { name: 'x', index_template: { priority: 1_000, ...more } }],
  });

const TEMPLATES: readonly (readonly [string, RawAnswer, string])[] = [
  [
    'patterns that a regular expression would take years for',
    template({ index_patterns: Array(50).fill(`${'*m*v*a'.repeat(8)}*z`) }),
    '',
  ],
  [
    'patterns and priorities of objects',
    template({ index_patterns: { toString: 1 }, priority: { valueOf: 1 } }),
    '',
  ],
  [
    'names that forge lines of the log',
    answered(200, {
      index_templates: [{ name: FORGED, index_template: { priority: 1_000, index_patterns: ['*', FORGED] } }],
    }),
    'SEARCH_OUTRANKED',
  ],
];

test.each(TEMPLATES)('a search server that has templates with %s', async (_, answer, code) => {
  hostile = ({ path }) =>
    path.startsWith('/_index_template?')
      ? answer
      : path.includes('_simulate')
        ? answered(200, {})
        : undefined;
  const rig = await searchRig();
  if (code !== '') return survives(rig, code);
  rig.sender.start();
  await vi.waitFor(() => expect(rig.queue.state.documents).toBe(0), { timeout: 10_000, interval: 10 });
  expect([new Set(delivered).size, logged]).toEqual([DOCUMENTS, []]);
});

const GREETINGS: readonly (readonly [string, RawAnswer, string])[] = [
  ['two million empty objects', answered(200, `[${'{},'.repeat(2_000_000)}0]`), 'SEARCH_ANSWER'],
  [
    'a version of objects',
    answered(200, { tagline: { toString: 1 }, version: { number: { toString: 1 } } }),
    'SEARCH_UNSUPPORTED',
  ],
  [
    'a version that forges lines of the log',
    answered(200, { version: { distribution: 'opensearch', number: `0.9${FORGED}` } }),
    'SEARCH_UNSUPPORTED',
  ],
];

test.each(GREETINGS)('a search server that greets with %s', async (_, answer, code) => {
  hostile = ({ path }) => (path === '/' ? answer : undefined);
  await survives(await searchRig(), code);
});

const REFUSALS: readonly (readonly [string, RawAnswer, string])[] = [
  ['an error that forges lines of the log', answered(503, FORGED, {}), 'BUSY'],
  [
    'JSON nested 100,000 deep',
    answered(500, '['.repeat(100_000), { 'content-type': 'application/json' }),
    'REFUSED',
  ],
  ['a web page of titles that never close', answered(200, '<title '.repeat(100_000), {}), 'ANSWER'],
];

test.each(REFUSALS)('a receiver that answers with %s', async (_, answer, code) => {
  hostile = () => answer;
  await survives(await otlpRig(), `OTLP_${code}`);
});

test.each([
  ['search server', 'SEARCH', searchRig],
  ['receiver', 'OTLP', otlpRig],
] as const)(
  'a %s that redirects to another host: no request and no secret goes there',
  async (_, kind, rigOf) => {
    const other = await HostileServer.start(() => answered(200, {}));
    const redirect = answered(307, '', { location: `${other.url}/v1/metrics` });
    hostile = () => redirect;
    try {
      await survives(await rigOf(), `${kind}_ANSWER`);
      expect(other.requests).toEqual([]);
      expect(server.requests.at(-1)?.head).toContain(SECRET);
    } finally {
      other.stop();
    }
  },
);

import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { DeadRequests } from '../../../exporter/otlp/dead-requests.ts';
import type { OtlpAnswer } from '../../../exporter/otlp/otlp-client.ts';
import { OtlpError } from '../../../exporter/otlp/otlp-error.ts';
import { OtlpMeter } from '../../../exporter/otlp/otlp-meter.ts';
import { OtlpSender } from '../../../exporter/otlp/otlp-sender.ts';
import { DiskQueue } from '../../../exporter/queue/queue.ts';
import { figure, parseExposition } from '../../exposition.ts';

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'virtune-otlp-'));
});
afterEach(() => {
  rmSync(dir, { recursive: true, force: true });
});

const ADDRESS = 'http://receiver/v1/metrics';

type Script = (text: string, count: number) => number | { readonly status: number; readonly body: string };

/** A sender with a queue on disk, and a receiver with scripted responses: a status, or 0 for no response. */
async function sender(script: Script, onTrouble = (error: Error): void => expect.fail(error.message)) {
  const meter = new OtlpMeter();
  const queue = await DiskQueue.open({
    dir,
    kind: 'otlp',
    maxBytes: 1_000_000,
    maxAgeMs: 60_000,
    now: () => 2_000,
    onDrop: (reason, points) => meter.countDropped(reason, points),
    onTrouble: (error) => expect.fail(error.message),
  });
  const asked: string[] = [];
  const accepted: string[] = [];
  const waitsMs: number[] = [];
  const logged: string[] = [];
  let opened = 0;
  const counts = new Map<string, number>();
  const one = new OtlpSender({
    queue,
    open: async () => {
      opened++;
      return {
        async post(body): Promise<OtlpAnswer> {
          const text = gunzipSync(body).toString();
          asked.push(text);
          const count = (counts.get(text) ?? 0) + 1;
          counts.set(text, count);
          const found = script(text, count);
          const { status, body: answer } = typeof found === 'number' ? { status: found, body: '' } : found;
          if (status === 0) throw new OtlpError('OTLP_NO_ANSWER', ADDRESS, 'the receiver did not answer');
          if (status === 200) accepted.push(text);
          return { status, headers: status === 429 ? { 'retry-after': '9' } : {}, body: Buffer.from(answer) };
        },
        close: () => undefined,
      };
    },
    address: ADDRESS,
    deadRequests: new DeadRequests(dir, 1_000_000, onTrouble),
    meter,
    now: () => 2_000,
    random: () => 1,
    log: (message) => logged.push(message),
    wait: async (ms) => {
      waitsMs.push(ms);
    },
  });
  const figures = (name: string, labels = {}): number | undefined =>
    figure(
      parseExposition(meter.encode('text', queue.state, 1_000_000, 2_000)),
      `virtune_otlp_${name}`,
      labels,
    );
  return {
    asked,
    accepted,
    waitsMs,
    logged,
    figures,
    get opened() {
      return opened;
    },
    async send(...texts: string[]) {
      for (const text of texts) await queue.append(gzipSync(text), 10, 1_000);
      one.start();
      await vi.waitFor(() => expect(queue.state.documents).toBe(0));
    },
    async close() {
      await one.stop(0);
      await queue.close();
    },
  };
}

const letters = (): { reason: string; status: number; points: number; request: string }[] =>
  readdirSync(join(dir, 'dead-letters')).flatMap((file) =>
    readFileSync(join(dir, 'dead-letters', file), 'utf8')
      .trim()
      .split('\n')
      .map((line) => {
        const { request_gzip_base64: bytes, ...rest } = JSON.parse(line);
        return { ...rest, request: gunzipSync(Buffer.from(bytes, 'base64')).toString() };
      }),
  );

test('requests arrive in their order, and are counted as sent', async () => {
  const it = await sender(() => 200);
  await it.send('a', 'b', 'c');
  expect(it.accepted).toEqual(['a', 'b', 'c']);
  expect(it.figures('sent_total')).toBe(30);
  expect(it.figures('up')).toBe(1);
  await it.close();
});

test('while the receiver is busy or silent the oldest request is sent again, and none overtakes it', async () => {
  const it = await sender((text, count) =>
    text === 'a' && count <= 3 ? ([429, 503, 0][count - 1] ?? 200) : 200,
  );
  await it.send('a', 'b');
  expect(it.asked).toEqual(['a', 'a', 'a', 'a', 'b']);
  expect(it.accepted).toEqual(['a', 'b']);
  expect(it.waitsMs[0]).toBe(9_000);
  expect(it.figures('retried_total')).toBe(30);
  expect(it.figures('requests_total', { outcome: 'busy' })).toBe(2);
  expect(it.figures('requests_total', { outcome: 'unreachable' })).toBe(1);
  expect(it.logged.at(-1)).toMatch(/accepts data points again/);
  await it.close();
});

test('a busy receiver keeps its connection; after any other failure files and connection are new', async () => {
  const it = await sender((_text, count) => (count <= 2 ? ([429, 401][count - 1] ?? 200) : 200));
  await it.send('a');
  expect(it.opened).toBe(2);
  expect(it.logged[1]).toContain('[OTLP_PERMISSION]');
  await it.close();
});

test('a rejected request is a dead letter with the reason, and the next one goes on', async () => {
  const it = await sender((text) => (text === 'a' ? { status: 400, body: 'out of bounds' } : 200));
  await it.send('a', 'b');
  expect(it.accepted).toEqual(['b']);
  expect(letters()).toEqual([
    {
      at: '1970-01-01T00:00:02.000Z',
      sampled_at: 1_000,
      points: 10,
      status: 400,
      reason: 'out of bounds',
      request: 'a',
    },
  ]);
  expect(it.figures('dead_letters_total')).toBe(10);
  expect(it.figures('sent_total')).toBe(10);
  expect(it.logged).toEqual([
    `http://receiver/v1/metrics: the receiver rejected 10 data points permanently (400: out of bounds); they are saved in ${join(dir, 'dead-letters')}: correct the cause and send them again (docs/opentelemetry.md, "Rejected requests") [OTLP_REJECTED]`,
  ]);
  await it.close();
});

test('a rejected request that the disk does not take counts as dropped, not as a dead letter, and the log says that it is lost', async () => {
  const troubles: string[] = [];
  const it = await sender(
    (text) => (text === 'a' ? 400 : 200),
    ({ message }) => troubles.push(message),
  );
  // A file in place of the folder.
  writeFileSync(join(dir, 'dead-letters'), '');
  await it.send('a', 'b');
  expect(it.accepted).toEqual(['b']);
  expect(it.figures('dead_letters_total')).toBe(0);
  expect(it.figures('dropped_total', { reason: 'unsaved' })).toBe(10);
  expect(troubles).toHaveLength(1);
  expect(it.logged).toEqual([
    `http://receiver/v1/metrics: the receiver rejected 10 data points permanently (400: no reason given), and they are lost: they could not be saved in ${join(dir, 'dead-letters')}; correct the cause, and check the disk [OTLP_REJECTED]`,
  ]);
  await it.close();
});

test('points that a partial success rejects are counted, and not sent again', async () => {
  const it = await sender(() => ({
    status: 200,
    body: Buffer.from([0x0a, 0x06, 0x08, 0x03, 0x12, 0x02, 0x6e, 0x6f]).toString('latin1'),
  }));
  await it.send('a');
  expect(it.asked).toEqual(['a']);
  expect(it.figures('rejected_total')).toBe(3);
  expect(it.figures('sent_total')).toBe(7);
  expect(it.logged).toEqual([
    'http://receiver/v1/metrics: the receiver rejected 3 data points of a request (no); they are lost, since OTLP forbids sending them again; correct the cause to avoid further loss [OTLP_REJECTED]',
  ]);
  await it.close();
});

test('a warning of a receiver that accepted all is logged with its address and a code, and counts for nothing', async () => {
  const it = await sender(() => ({
    status: 200,
    body: Buffer.from([0x0a, 0x04, 0x12, 0x02, 0x6e, 0x6f]).toString('latin1'),
  }));
  await it.send('a');
  expect(it.figures('rejected_total')).toBe(0);
  expect(it.figures('sent_total')).toBe(10);
  expect(it.logged).toEqual([
    'http://receiver/v1/metrics: the receiver accepted a request with a warning (no); check its configuration and log [OTLP_WARNING]',
  ]);
  await it.close();
});

test('a request on which the receiver fails each time is given up once the receiver accepts the next one', async () => {
  const it = await sender((text) => (text === 'a' ? 500 : 200));
  await it.send('a', 'b', 'c');
  expect(it.accepted).toEqual(['b', 'c']);
  expect(it.asked.filter((text) => text === 'a')).toHaveLength(11);
  expect(letters()).toMatchObject([{ status: 500, request: 'a' }]);
  await it.close();
});

test('a receiver that fails on everything loses nothing: it gets all once it works again', async () => {
  let asked = 0;
  const it = await sender(() => (++asked <= 35 ? 500 : 200));
  await it.send('a', 'b');
  expect(it.accepted).toEqual(['a', 'b']);
  expect(it.figures('dead_letters_total')).toBe(0);
  await it.close();
});

test('a receiver that works again just when the next request is tried gets the one before it as well', async () => {
  let asked = 0;
  const it = await sender(() => (++asked <= 10 ? 500 : 200));
  await it.send('a', 'b', 'c');
  expect(it.accepted).toEqual(['b', 'a', 'c']);
  expect(it.figures('dead_letters_total')).toBe(0);
  await it.close();
});

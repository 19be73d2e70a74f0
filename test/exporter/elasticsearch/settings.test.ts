import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { elasticsearchOptions } from '../../../cli/elasticsearch-flags.ts';
import { parseConfig } from '../../../exporter/config/config.ts';
import { parseRetryAfter } from '../../../exporter/elasticsearch/backoff.ts';
import { parseSize, serverSettings, sinkSettings } from '../../../exporter/elasticsearch/settings.ts';

const folder = mkdtempSync(join(tmpdir(), 'virtune-settings-'));
afterAll(() => rmSync(folder, { recursive: true }));
const file = (name: string, text: string): string => {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
};

test('file and flags are merged, and flags take precedence', () => {
  const config = parseConfig(
    '/etc/virtune/virtune.yaml',
    'elasticsearch: { nodes: [https://a:9200], interval: 30, queue_size: 512MiB, queue_age: 12h }',
  );
  const options = elasticsearchOptions({ 'elasticsearch.interval': 5 }, config.elasticsearch);
  expect(sinkSettings(options ?? {})).toMatchObject({
    nodes: ['https://a:9200'],
    intervalMs: 5_000,
    queueMaxBytes: 512 * 1_024 ** 2,
    queueMaxAgeMs: 12 * 3_600_000,
    namespace: 'default',
    compress: true,
  });
  expect(elasticsearchOptions({}, undefined)).toBeUndefined();
});

test('files are looked for beside the configuration, and their first line counts', () => {
  writeFileSync(join(folder, 'key'), 'abc==\nnot this\n');
  const path = file('virtune.yaml', '');
  const { elasticsearch } = parseConfig(path, 'elasticsearch: { cloud_id: "x:y", api_key_file: key }');
  expect(serverSettings(elasticsearch ?? {})).toMatchObject({ cloudId: 'x:y', auth: { apiKey: 'abc==' } });
});

test.each([
  ['elasticsearch: { nodes: [ftp://x] }', 'http://'],
  ['elasticsearch: { nodes: ["https://me:secret@x"] }', 'without user name or password'],
  ['elasticsearch: { nodes: [] }', 'nodes'],
  ['elasticsearch: { namespace: Has-Dash }', 'namespace'],
  ['elasticsearch: { queue_size: 5 apples }', '512MiB'],
  ['elasticsearch: { interval: 0 }', 'interval'],
  ['elasticsearch: { queue_age: 12 }', 'a duration with a unit'],
  ['elasticsearch: { ca_fingerprint: abc }', '64 hexadecimal digits'],
  ['elasticsearch: { nodez: [] }', 'nodez'],
])('%s is refused with its line', (text, says) => {
  expect(() => parseConfig('/x.yaml', text)).toThrow(
    expect.objectContaining({ code: 'CONFIG', message: expect.stringContaining(says) }),
  );
  expect(() => parseConfig('/x.yaml', text)).toThrow('/x.yaml:1');
});

test.each([
  [{}, 'either nodes or a cloud id'],
  [{ nodes: ['http://a'], cloud_id: 'x' }, 'either nodes or a cloud id'],
  [{ nodes: ['http://a'], username: 'me' }, 'set together'],
  [{ nodes: ['http://a'], username: 'me', password_file: '/x', api_key_file: '/y' }, 'not both'],
  [{ nodes: ['http://a'], api_key_file: '/does/not/exist' }, '/does/not/exist'],
  [{ nodes: ['http://a'], ca_fingerprint: 'a'.repeat(64) }, 'needs nodes with https://'],
  [{ nodes: ['https://a'], ca_fingerprint: 'a'.repeat(64), ca_file: '/dev/null' }, 'no ca_file'],
  [{ nodes: ['http://a'], batch_size: 10 }, 'a batch has'],
  [{ nodes: ['http://a'], queue_size: 10 }, 'a queue has'],
  [{ nodes: ['http://a'], dead_letters_size: 10 }, 'dead letters have'],
])('%j is refused with the reason', (options, says) => {
  expect(() => sinkSettings(options)).toThrow(
    expect.objectContaining({ code: 'CONFIG', message: expect.stringContaining(says) }),
  );
});

test('an empty secret is an error before the server is asked', () => {
  const empty = file('empty', '\n');
  expect(() => serverSettings({ nodes: ['http://a'], api_key_file: empty })).toThrow('is empty');
});

test('sizes and Retry-After are read as they are written', () => {
  expect(['1', '1KiB', '1.5MiB', '2 GiB'].map(parseSize)).toEqual([1, 1_024, 1_572_864, 2_147_483_648]);
  expect(['', 'KiB', '1KB', '-1', '1e3'].map(parseSize)).toEqual(Array(5).fill(undefined));
  expect(parseRetryAfter('120', 0)).toBe(120_000);
  expect(parseRetryAfter('Thu, 01 Jan 1970 00:00:30 GMT', 10_000)).toBe(20_000);
  expect([undefined, '', 'soon'].map((text) => parseRetryAfter(text, 0))).toEqual([
    undefined,
    undefined,
    undefined,
  ]);
});

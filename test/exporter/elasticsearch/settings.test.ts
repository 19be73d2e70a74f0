import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { elasticsearchOptions } from '../../../cli/elasticsearch-flags.ts';
import { parseConfig } from '../../../exporter/config/config.ts';
import { serverSettings, sinkSettings } from '../../../exporter/elasticsearch/settings.ts';
import { parseRetryAfter } from '../../../exporter/queue/backoff.ts';
import { parseSize } from '../../../model/size.ts';

const folder = mkdtempSync(join(tmpdir(), 'virtune-settings-'));
afterAll(() => rmSync(folder, { recursive: true }));
const file = (name: string, text: string): string => {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
};

test('file and flags are merged, and flags take precedence', async () => {
  const config = await parseConfig(
    '/etc/virtune/virtune.yaml',
    'elasticsearch: { nodes: [https://a:9200], interval: 30, queue_size: 512MiB, queue_age: 12h }',
  );
  const options = elasticsearchOptions({ 'elasticsearch.interval': 5 }, config.elasticsearch);
  expect(await sinkSettings(options ?? {})).toMatchObject({
    nodes: ['https://a:9200'],
    intervalMs: 5_000,
    queueMaxBytes: 512 * 1_024 ** 2,
    queueMaxAgeMs: 12 * 3_600_000,
    namespace: 'default',
    compress: true,
  });
  expect(elasticsearchOptions({}, undefined)).toBeUndefined();
});

test('files are looked for beside the configuration, and their first line counts', async () => {
  writeFileSync(join(folder, 'key'), 'abc==\nnot this\n');
  const path = file('virtune.yaml', '');
  const { elasticsearch } = await parseConfig(path, 'elasticsearch: { cloud_id: "x:y", api_key_file: key }');
  expect(await serverSettings(elasticsearch ?? {})).toMatchObject({
    cloudId: 'x:y',
    auth: { apiKey: 'abc==' },
  });
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
])('%s is refused with its line', async (text, says) => {
  await expect(parseConfig('/x.yaml', text)).rejects.toThrow(
    expect.objectContaining({ code: 'CONFIG', message: expect.stringContaining(says) }),
  );
  await expect(parseConfig('/x.yaml', text)).rejects.toThrow('/x.yaml:1');
});

test.each([
  [{}, '--elasticsearch URL or --elasticsearch.cloud-id'],
  [{ nodes: ['http://a'], cloud_id: 'x' }, 'elasticsearch.nodes and elasticsearch.cloud_id are both set'],
  [{ nodes: ['http://a'], username: 'me' }, 'set --elasticsearch.password-file'],
  [{ nodes: ['http://a'], password_file: '/x' }, 'set --elasticsearch.username'],
  [{ nodes: ['http://a'], username: 'me', password_file: '/x', api_key_file: '/y' }, 'are both set'],
  [{ nodes: ['http://a'], api_key_file: '/does/not/exist' }, '/does/not/exist'],
  [{ nodes: ['http://a'], ca_fingerprint: 'a'.repeat(64) }, 'needs an https:// address in nodes'],
  [{ nodes: ['https://a'], ca_fingerprint: 'a'.repeat(64), ca_file: '/dev/null' }, 'are both set'],
  [{ nodes: ['http://a'], batch_size: 10 }, 'elasticsearch.batch_size: expected'],
  [{ nodes: ['http://a'], queue_size: 10 }, 'elasticsearch.queue_size: expected'],
  [{ nodes: ['http://a'], dead_letters_size: 10 }, 'elasticsearch.dead_letters_size: expected'],
])('%j is refused with the reason', async (options, says) => {
  await expect(sinkSettings(options)).rejects.toThrow(
    expect.objectContaining({ code: 'CONFIG', message: expect.stringContaining(says) }),
  );
});

test('an error of options that exclude each other says where each was set: the flag, or the key and its file', async () => {
  const { elasticsearch } = await parseConfig(
    '/etc/v.yaml',
    'elasticsearch: { cloud_id: "x:y", username: me }',
  );
  const both = elasticsearchOptions({ elasticsearch: ['http://a'] }, elasticsearch) ?? {};
  await expect(serverSettings(both)).rejects.toThrow(
    '--elasticsearch and elasticsearch.cloud_id in /etc/v.yaml are both set; remove one of them',
  );
  await expect(serverSettings(elasticsearch ?? {})).rejects.toThrow(
    'elasticsearch.username in /etc/v.yaml is set without a password',
  );
  const none = elasticsearchOptions({ 'elasticsearch.interval': 5, 'elasticsearch.namespace': 'x' }) ?? {};
  await expect(serverSettings(none)).rejects.toThrow(
    'no search server is set, only --elasticsearch.interval, --elasticsearch.namespace; set --elasticsearch URL',
  );
});

test('a queue_age above 7 days is refused with the limit and why', async () => {
  const read = (age: string): Promise<unknown> =>
    parseConfig('/x.yaml', `elasticsearch: { queue_age: ${age} }`);
  await expect(read('7d')).resolves.toBeDefined();
  await expect(read('8d')).rejects.toThrow(/to 7d \(index\.look_back_time of Elasticsearch is at most 7d/);
});

test('an empty secret is an error before the server is asked', async () => {
  const empty = file('empty', '\n');
  await expect(serverSettings({ nodes: ['http://a'], api_key_file: empty })).rejects.toThrow('is empty');
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

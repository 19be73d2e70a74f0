import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { parseConfig } from '../../../exporter/config/config.ts';
import { metricsUrl, otlpSettings, receiverSettings } from '../../../exporter/otlp/settings.ts';

const dir = mkdtempSync(join(tmpdir(), 'virtune-otlp-settings-'));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

const endpoint = 'http://collector:4318';

test('requests go to /v1/metrics below the endpoint, unless it names that already', () => {
  expect(metricsUrl('http://collector:4318')).toBe('http://collector:4318/v1/metrics');
  expect(metricsUrl('http://collector:4318/')).toBe('http://collector:4318/v1/metrics');
  expect(metricsUrl('http://prometheus:9090/api/v1/otlp')).toBe(
    'http://prometheus:9090/api/v1/otlp/v1/metrics',
  );
  expect(metricsUrl('https://otlp.example/x/v1/metrics')).toBe('https://otlp.example/x/v1/metrics');
});

test('paths in the configuration file are seen from its folder', async () => {
  const { otlp } = await parseConfig(
    '/etc/virtune/virtune.yaml',
    'otlp: { endpoint: "http://c:4318", headers_file: h, ca_file: ca.pem, cert_file: /c.pem, key_file: k.pem, queue_dir: q }',
  );
  expect(otlp).toMatchObject({
    endpoint: 'http://c:4318',
    headers_file: '/etc/virtune/h',
    ca_file: '/etc/virtune/ca.pem',
    cert_file: '/c.pem',
    key_file: '/etc/virtune/k.pem',
    queue_dir: '/etc/virtune/q',
  });
});

test.each([
  ['otlp: { endpoint: "ftp://c" }', 'expected an http:// or https:// address'],
  ['otlp: { endpoint: "http://user:secret@c" }', 'without user name or password'],
  ['otlp: { resource_attributes: { host.name: x } }', 'virtune sets host.id, host.name'],
  ['otlp: { queue_age: 6 }', 'queue_age'],
])('%s is refused', async (text, said) => {
  await expect(parseConfig('virtune.yaml', text)).rejects.toThrow(said);
});

test('settings that do not go together are refused', async () => {
  await expect(receiverSettings({ endpoint, cert_file: 'x' })).rejects.toThrow(
    'otlp.cert_file is set without its key; set --otlp.key-file (key_file in the file), too',
  );
  await expect(receiverSettings({ endpoint, key_file: 'x' })).rejects.toThrow(
    'otlp.key_file is set without its certificate; set --otlp.cert-file (cert_file in the file), too',
  );
});

test('a certificate and the key of another one are refused at the start', async () => {
  const pem = (name: string): string => join(import.meta.dirname, '../../fixtures/tls', name);
  const read = (cert: string, key: string): Promise<unknown> =>
    receiverSettings({ endpoint, cert_file: pem(cert), key_file: pem(key) });
  await expect(read('client.pem', 'client.key')).resolves.toBeDefined();
  await expect(read('client.pem', 'server.key')).rejects.toThrow(
    /^otlp\.cert_file and otlp\.key_file: the files .* are not a certificate and its key in PEM format \(.*\); set a matching pair/,
  );
});

test('a line of the headers file that is not a header is named by its number, without its text', async () => {
  const file = join(dir, 'headers');
  writeFileSync(file, '# a comment\n\nAuthorization: Bearer a:b\nX-Scope-OrgID:ops\n');
  expect((await receiverSettings({ endpoint, headers_file: file })).headers).toEqual({
    authorization: 'Bearer a:b',
    'x-scope-orgid': 'ops',
  });
  for (const bad of ['Bearer secret', 'a b: secret', 'x: sec\u0001ret']) {
    writeFileSync(file, `ok: 1\n${bad}\n`);
    const { message } = await receiverSettings({ endpoint, headers_file: file }).then(
      () => new Error('it was taken'),
      (error: Error) => error,
    );
    expect(message).toContain(
      `otlp.headers_file: line 2 of the file ${file} is not a header; write one "name: value" per line`,
    );
    expect(message).not.toContain('secret');
  }
});

test('a change of a secret is a change of the settings', async () => {
  const file = join(dir, 'token');
  writeFileSync(file, 'Authorization: Bearer a\n');
  const before = (await otlpSettings({ endpoint, headers_file: file })).fingerprint;
  expect((await otlpSettings({ endpoint, headers_file: file })).fingerprint).toBe(before);
  writeFileSync(file, 'Authorization: Bearer b\n');
  expect((await otlpSettings({ endpoint, headers_file: file })).fingerprint).not.toBe(before);
});

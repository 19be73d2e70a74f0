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

test('paths in the configuration file are seen from its folder', () => {
  const { otlp } = parseConfig(
    '/etc/virtune/virtune.yaml',
    'otlp: { endpoint: "http://c:4318", headers_file: h, ca_file: ca.pem, cert_file: /c.pem, key_file: k.pem, queue_dir: q }',
  );
  expect(otlp).toEqual({
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
])('%s is refused', (text, said) => {
  expect(() => parseConfig('virtune.yaml', text)).toThrow(said);
});

test('settings that do not go together, or cannot hold a request, are refused', () => {
  expect(() => receiverSettings({})).toThrow('otlp: set an endpoint');
  expect(() => receiverSettings({ endpoint, cert_file: 'x' })).toThrow('must be set together');
  expect(() => receiverSettings({ endpoint, ca_file: '/nowhere' })).toThrow(
    'the CA file /nowhere cannot be read',
  );
  expect(() => otlpSettings({ endpoint, queue_size: 1_000 })).toThrow('a queue has at least');
  expect(() => otlpSettings({ endpoint, dead_letters_size: 1_000 })).toThrow('dead letters have at least');
  expect(() => otlpSettings({ endpoint, request_size: 1_000 })).toThrow('a request has from');
});

test('a line of the headers file that is not a header is named by its number, without its text', () => {
  const file = join(dir, 'headers');
  writeFileSync(file, '# a comment\n\nAuthorization: Bearer a:b\nX-Scope-OrgID:ops\n');
  expect(receiverSettings({ endpoint, headers_file: file }).headers).toEqual({
    authorization: 'Bearer a:b',
    'x-scope-orgid': 'ops',
  });
  for (const bad of ['Bearer secret', 'a b: secret', 'x: sec\u0001ret']) {
    writeFileSync(file, `ok: 1\n${bad}\n`);
    const read = (): unknown => receiverSettings({ endpoint, headers_file: file });
    expect(read).toThrow('line 2 is not a header');
    expect(read).not.toThrow('secret');
  }
});

test('a change of a secret is a change of the settings', () => {
  const file = join(dir, 'token');
  writeFileSync(file, 'Authorization: Bearer a\n');
  const before = otlpSettings({ endpoint, headers_file: file }).fingerprint;
  expect(otlpSettings({ endpoint, headers_file: file }).fingerprint).toBe(before);
  writeFileSync(file, 'Authorization: Bearer b\n');
  expect(otlpSettings({ endpoint, headers_file: file }).fingerprint).not.toBe(before);
});

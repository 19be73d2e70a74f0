import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer, type RequestListener } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { afterEach, expect, test } from 'vitest';
import { parseFingerprint } from '../../../exporter/elasticsearch/ca-fingerprint.ts';
import { openClient, type SearchClient } from '../../../exporter/elasticsearch/client.ts';
import { type ServerSettings, serverSettings } from '../../../exporter/elasticsearch/settings.ts';

const pem = (file: string): string =>
  readFileSync(join(import.meta.dirname, '../../fixtures/tls', file), 'utf8');
const opened: { close(): unknown }[] = [];
afterEach(async () => {
  for (const each of opened.splice(0)) await each.close();
});

/** @param tls with this certificate, or these, one after another */
async function serving(
  listener: RequestListener,
  tls: boolean | { readonly key: string; readonly cert: string } = false,
): Promise<string> {
  const server =
    tls === false
      ? createServer(listener)
      : createTlsServer(tls === true ? { key: pem('server.key'), cert: pem('server.pem') } : tls, listener);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  opened.push({
    close: () => {
      server.closeAllConnections();
      server.close();
    },
  });
  const { port } = server.address() as { port: number };
  return `${tls === false ? 'http' : 'https'}://127.0.0.1:${port}`;
}

async function clientOf(url: string, more: Partial<ServerSettings> = {}): Promise<SearchClient> {
  const client = await openClient(
    {
      nodes: [url],
      cloudId: undefined,
      auth: undefined,
      ca: undefined,
      caFingerprint: undefined,
      requestTimeoutMs: 10_000,
      compress: true,
      ...more,
    },
    '1.2.3',
  );
  opened.push(client);
  return client;
}

const json: RequestListener = (_request, response) => {
  response.writeHead(200, { 'content-type': 'application/json' });
  response.end('{"ok":true}');
};

test('requests are plain JSON, with a user agent and the key', async () => {
  let seen: Record<string, unknown> = {};
  let body = Buffer.alloc(0);
  const url = await serving((request, response) => {
    seen = request.headers;
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      body = Buffer.concat(chunks);
      json(request, response);
    });
  });
  const client = await clientOf(url, { auth: { apiKey: 'abc' } });
  await client.request({ method: 'POST', path: '/_bulk', lines: '{"create":{}}\n{}\n' });
  expect(seen).toMatchObject({
    authorization: 'ApiKey abc',
    'user-agent': 'virtune/1.2.3',
    'content-type': 'application/x-ndjson',
    'content-encoding': 'gzip',
  });
  expect(JSON.stringify(seen)).not.toContain('compatible-with');
  expect(gunzipSync(body).toString()).toBe('{"create":{}}\n{}\n');
});

test('any status is an answer', async () => {
  const client = await clientOf(
    await serving((_request, response) => {
      response.writeHead(429, { 'content-type': 'application/json', 'retry-after': '7' });
      response.end('{"error":{"type":"es_rejected_execution_exception","reason":"full"}}');
    }),
  );
  const answer = await client.request({ method: 'GET', path: '/' });
  expect(answer).toMatchObject({ status: 429, headers: { 'retry-after': '7' } });
  expect(answer.body).toMatchObject({ error: { reason: 'full' } });
});

test('a server without a trusted certificate is rejected, unless verification is off', async () => {
  const client = await clientOf(await serving(json));
  expect(await client.request({ method: 'GET', path: '/' })).toMatchObject({
    status: 200,
    body: { ok: true },
  });
});

/** Each failure with its cause and the next step. */
test.each<
  [
    what: string,
    server: { readonly cert: string; readonly key?: string } | 'http' | 'none',
    address: (url: string) => string,
    ca: string | undefined,
    code: string,
    says: string,
    next: string,
  ]
>([
  ['nothing listens', 'none', (url) => url, undefined, 'SEARCH_UNREACHABLE', 'ECONNREFUSED', 'the network'],
  [
    'a server without TLS at https://',
    'http',
    (url) => url.replace('http:', 'https:'),
    undefined,
    'SEARCH_TLS',
    'does not use TLS',
    'use http://',
  ],
  [
    'a server with TLS at http://',
    { cert: 'server.pem' },
    (url) => url.replace('https:', 'http:'),
    undefined,
    'SEARCH_NO_ANSWER',
    'did not answer',
    'use https://',
  ],
  [
    'a certificate of an unknown CA',
    { cert: 'server.pem' },
    (url) => url,
    undefined,
    'SEARCH_CERTIFICATE',
    'not signed by a CA that virtune trusts',
    '--elasticsearch.ca-file',
  ],
  [
    'a CA file of another CA',
    { cert: 'server.pem' },
    (url) => url,
    'stranger.pem',
    'SEARCH_CERTIFICATE',
    'not signed by a CA that virtune trusts',
    '--elasticsearch.ca-file',
  ],
  [
    'a self-signed certificate',
    { cert: 'stranger.pem', key: 'stranger.key' },
    (url) => url,
    undefined,
    'SEARCH_CERTIFICATE',
    'self-signed',
    '--elasticsearch.ca-file',
  ],
  [
    'an expired certificate',
    { cert: 'expired.pem', key: 'expired.key' },
    (url) => url,
    'expired.pem',
    'SEARCH_CERTIFICATE',
    'certificate has expired',
    'renew it there',
  ],
  [
    'a certificate for another name',
    { cert: 'stranger.pem', key: 'stranger.key' },
    (url) => url,
    'stranger.pem',
    'SEARCH_CERTIFICATE',
    "is for other names (IP: 127.0.0.1 is not in the cert's list",
    'use one of the certificate',
  ],
])('%s: the error names the server, what is wrong and the flag to use', async (...row) => {
  const [, server, address, ca, code, says, next] = row;
  const listened =
    server === 'none'
      ? 'http://127.0.0.1:1'
      : server === 'http'
        ? await serving(json)
        : await serving(json, { key: pem(server.key ?? 'server.key'), cert: pem(server.cert) });
  const url = address(listened);
  const client = await clientOf(url, { ca: ca === undefined ? undefined : pem(ca) });
  const error = await client.request({ method: 'GET', path: '/' }).then(
    () => expect.unreachable(),
    (reason: Error) => reason,
  );
  expect(error).toMatchObject({ code, message: expect.stringContaining(says) });
  expect(error.message).toContain(next);
  expect(error.message.startsWith(`${url}: `)).toBe(true);
  expect(error.message).not.toMatch(/SSL routines|openssl|virtune asks|- Local:/);
});

test('a certificate of a CA that is set is trusted', async () => {
  const client = await clientOf(await serving(json, true), { ca: pem('ca.pem') });
  expect(await client.request({ method: 'GET', path: '/' })).toMatchObject({ status: 200 });
});

test('an error with ca_fingerprint has the same words', async () => {
  const url = (await serving(json)).replace('http:', 'https:');
  await expect(clientOf(url, { caFingerprint: parsed('ca.pem') })).rejects.toMatchObject({
    code: 'SEARCH_TLS',
    message: expect.stringContaining(`${url}: the server does not use TLS`),
  });
});

test('no error and no answer names the password of an address', async () => {
  const url = (await serving((_request, response) => response.destroy())).replace('//', '//me:secret@');
  const client = await clientOf(url);
  const error = await client.request({ method: 'GET', path: '/' }).catch((reason: Error) => reason);
  expect((error as Error).message).toMatch(/^http:\/\/127\.0\.0\.1:\d+: /);
  const answering = await clientOf((await serving(json)).replace('//', '//me:secret@'));
  const { node } = await answering.request({ method: 'GET', path: '/' });
  expect(node).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
});

/** As configured automatically by Elasticsearch 8: the server also presents its CA. */
const WITH_CA = { key: pem('server.key'), cert: pem('server.pem') + pem('ca.pem') };
const fingerprintOf = (file: string): string => new X509Certificate(pem(file)).fingerprint256;
/** The form used in the settings. */
const parsed = (file: string): string => parseFingerprint(fingerprintOf(file)) ?? '';

test('a server is trusted by the fingerprint of its CA, as Elasticsearch prints it or with colons', async () => {
  const url = await serving(json, WITH_CA);
  for (const text of [fingerprintOf('ca.pem'), parsed('ca.pem'), parsed('ca.pem').toUpperCase()]) {
    const { caFingerprint } = await serverSettings({ nodes: [url], ca_fingerprint: text });
    const client = await clientOf(url, { caFingerprint });
    expect(await client.request({ method: 'GET', path: '/' })).toMatchObject({ status: 200 });
  }
  const named = await clientOf(url.replace('127.0.0.1', 'localhost'), { caFingerprint: parsed('ca.pem') });
  expect(await named.request({ method: 'GET', path: '/' })).toMatchObject({ status: 200 });
});

test('a server with another CA, or that presents none, is not trusted, and the error names what it presents', async () => {
  const url = await serving(json, WITH_CA);
  await expect(clientOf(url, { caFingerprint: parsed('stranger.pem') })).rejects.toMatchObject({
    code: 'SEARCH_CERTIFICATE',
    message: expect.stringContaining(`virtune test CA ${parsed('ca.pem')}`),
  });
  await expect(
    clientOf(await serving(json, true), { caFingerprint: parsed('ca.pem') }),
  ).rejects.toMatchObject({ code: 'SEARCH_CERTIFICATE', message: expect.stringContaining('ca_file') });
  await expect(clientOf('https://127.0.0.1:1', { caFingerprint: parsed('ca.pem') })).rejects.toMatchObject({
    code: 'SEARCH_UNREACHABLE',
  });
});

test('a certificate that only names the CA as its issuer is not trusted, although the CA is presented with it', async () => {
  // forged.pem was signed with another key, whose certificate has the same name as ca.pem.
  const url = await serving(json, { key: pem('forged.key'), cert: pem('forged.pem') + pem('ca.pem') });
  const client = await clientOf(url, { caFingerprint: parsed('ca.pem') });
  await expect(client.request({ method: 'GET', path: '/' })).rejects.toMatchObject({
    code: 'SEARCH_CERTIFICATE',
  });
});

test('after a missing, truncated or invalid answer, the request may have been accepted', async () => {
  const silent = await clientOf(await serving(() => undefined), { requestTimeoutMs: 200 });
  await expect(silent.request({ method: 'GET', path: '/' })).rejects.toMatchObject({
    code: 'SEARCH_NO_ANSWER',
  });
  const broken = await clientOf(await serving((_request, response) => response.destroy()));
  await expect(broken.request({ method: 'GET', path: '/' })).rejects.toMatchObject({
    code: 'SEARCH_NO_ANSWER',
  });
  const garbled = await clientOf(
    await serving((_request, response) => {
      response.writeHead(200, { 'content-type': 'application/json' });
      response.end('{"ok":');
    }),
  );
  await expect(garbled.request({ method: 'GET', path: '/' })).rejects.toMatchObject({
    code: 'SEARCH_ANSWER',
  });
});

test('a request that is no longer wanted ends at once', async () => {
  const client = await clientOf(await serving(() => undefined));
  const stop = new AbortController();
  const asked = client.request({ method: 'GET', path: '/', signal: stop.signal });
  stop.abort();
  await expect(asked).rejects.toMatchObject({ code: 'SEARCH_STOPPED' });
});

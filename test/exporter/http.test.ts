import { gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type RunningExporter, runExporter } from '../../cli/run-exporter.ts';
import { ListenAddressError, parseListenAddress } from '../../exporter/http/listen-address.ts';
import { acceptsGzip, chooseFormat } from '../../exporter/http/negotiate.ts';
import { scrapeBudgetMs } from '../../exporter/http/routes.ts';
import { serve } from '../../exporter/http/server.ts';
import { type Demo, startDemo } from '../../simulator/demo.ts';
import { figure, find, parseExposition } from '../exposition.ts';
import { CLOSED } from './health.ts';

let demo: Demo;
let exporter: RunningExporter;
beforeAll(async () => {
  demo = await startDemo();
  exporter = await runExporter({ uri: demo.uri, listen: '127.0.0.1:0' });
});
afterAll(async () => {
  await exporter.close();
  await demo.stop();
});

const get = (path: string, init?: RequestInit): Promise<Response> => fetch(exporter.url + path, init);

test('a scrape has the host, its VMs and the process, each series once', async () => {
  const response = await get('/metrics');
  expect(response.status).toBe(200);
  expect(response.headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8');
  const series = parseExposition(await response.text());
  expect(figure(series, 'libvirt_domains')).toBe(14);
  expect(find(series, 'libvirt_domain_vcpu_delay_seconds_total').length).toBeGreaterThan(20);
  expect(figure(series, 'process_resident_memory_bytes')).toBeGreaterThan(0);
  expect(find(series, 'virtune_build_info')).toHaveLength(1);
});

test('OpenMetrics is sent to clients that ask for it, and ends with EOF', async () => {
  const accept = 'application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5,*/*;q=0.1';
  const response = await get('/metrics', { headers: { accept } });
  expect(response.headers.get('content-type')).toContain('application/openmetrics-text; version=1.0.0');
  const text = await response.text();
  expect(text.endsWith('# EOF\n')).toBe(true);
  expect(text.split('# EOF')).toHaveLength(2);
});

test('gzip is one complete stream, and only for clients that accept it', async () => {
  const plain = await get('/metrics', { headers: { 'accept-encoding': 'identity' } });
  expect(plain.headers.get('content-encoding')).toBeNull();
  const packed = await new Promise<{ encoding: string | undefined; bytes: Buffer }>((resolve, reject) => {
    import('node:http').then(({ get: httpGet }) =>
      httpGet(`${exporter.url}/metrics`, { headers: { 'accept-encoding': 'gzip' } }, (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('end', () =>
          resolve({ encoding: response.headers['content-encoding'], bytes: Buffer.concat(chunks) }),
        );
      }).on('error', reject),
    );
  });
  expect(packed.encoding).toBe('gzip');
  expect(parseExposition(gunzipSync(packed.bytes).toString()).length).toBeGreaterThan(500);
});

test.each([
  [undefined, 'text'],
  ['*/*', 'text'],
  ['text/html,application/xhtml+xml', 'text'],
  ['application/openmetrics-text', 'openMetrics'],
  ['text/plain;q=0.5, application/openmetrics-text;q=0.9', 'openMetrics'],
  ['text/plain, application/openmetrics-text;q=0.9', 'text'],
  ['application/openmetrics-text;q=0', 'text'],
  [';;q=,,', 'text'],
  // A range counts only for what no more specific one covers (RFC 9110, 12.5.1).
  ['application/openmetrics-text;q=0, */*', 'text'],
  ['*/*, application/openmetrics-text;q=0', 'text'],
  ['text/plain;q=0, */*', 'openMetrics'],
  ['text/plain;q=0, text/*, application/openmetrics-text;q=0.1', 'openMetrics'],
  ['text/plain;q=0.1, */*, application/openmetrics-text;q=0.9', 'openMetrics'],
  ['text/plain;q=0.5, application/*', 'text'],
  ['text/html, text/plain;q=0, application/*', 'openMetrics'],
  ['application/openmetrics-text, text/plain', 'openMetrics'],
  ['application/openmetrics-text, */*', 'openMetrics'],
  ['text/plain;q=0, application/openmetrics-text;q=0', 'text'],
  [
    'application/openmetrics-text;version=1.0.0;q=0.5,application/openmetrics-text;version=0.0.1;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2',
    'openMetrics',
  ],
])('Accept %s is answered in %s', (accept, format) => {
  expect(chooseFormat(accept)).toBe(format);
});

test.each([
  ['10', 9_500],
  ['0.4', 200],
  ['1000000000', 1e12 - 500],
  ['0', undefined],
  ['-3', undefined],
  ['NaN', undefined],
  ['1e400', undefined],
  ['soon', undefined],
  ['', undefined],
  [undefined, undefined],
])('a scrape timeout of %s is a budget of %s ms', (header, budgetMs) => {
  expect(scrapeBudgetMs(header)).toBe(budgetMs);
});

test('gzip is accepted by name or by star, unless its quality is none', () => {
  for (const accepted of ['gzip', 'br, gzip;q=0.5', '*', 'x-gzip', 'gzip, *;q=0', 'br;q=0, *;q=0.1'])
    expect(acceptsGzip(accepted), accepted).toBe(true);
  for (const refused of [undefined, '', 'br', 'gzip;q=0', 'gzipped', '*;q=0', 'identity'])
    expect(acceptsGzip(refused), refused).toBe(false);
});

test('a star does not cover gzip where gzip is named and refused', () => {
  for (const refused of ['gzip;q=0, *', '*, gzip;q=0', 'br, *;q=0.5, gzip;q=0.0'])
    expect(acceptsGzip(refused), refused).toBe(false);
});

test('the pages for people and probes exist, and no others', async () => {
  expect(await (await get('/')).text()).toContain('href="/metrics"');
  expect((await get('/-/healthy')).status).toBe(200);
  expect((await get('/-/ready')).status).toBe(200);
  for (const path of ['/metrics/', '/../etc/passwd', '/-/reload', '//metrics']) {
    expect((await get(path)).status, path).toBe(404);
  }
  const posted = await get('/metrics', { method: 'POST', body: 'x' });
  expect([posted.status, posted.headers.get('allow')]).toEqual([405, 'GET, HEAD']);
  expect(await (await get('/metrics', { method: 'HEAD' })).text()).toBe('');
});

test('without its libvirt it is not ready but healthy, and says libvirt_up 0', async () => {
  await demo.daemon.stop();
  const series = parseExposition(await (await get('/metrics')).text());
  expect(figure(series, 'libvirt_up')).toBe(0);
  const ready = await get('/-/ready');
  expect(ready.status).toBe(503);
  expect(await ready.text()).toBe('virtune is not connected to libvirt; see the log of virtune.\n');
  expect((await get('/-/healthy')).status).toBe(200);
  await demo.daemon.restart();
  expect(figure(parseExposition(await (await get('/metrics')).text()), 'libvirt_up')).toBe(1);
});

test('an address that is taken is a clear error', async () => {
  const again = runExporter({ uri: demo.uri, listen: exporter.url.replace('http://', '') });
  await expect(again).rejects.toMatchObject({
    code: 'HTTP_LISTEN',
    message: expect.stringContaining('--listen'),
  });
});

test('all common forms of a listen address are read', () => {
  expect(parseListenAddress('127.0.0.1:9177')).toEqual({ host: '127.0.0.1', port: 9_177 });
  expect(parseListenAddress('[::1]:80')).toEqual({ host: '::1', port: 80 });
  expect(parseListenAddress(':9177')).toEqual({ host: '::', port: 9_177 });
  expect(parseListenAddress('9177')).toEqual({ host: '127.0.0.1', port: 9_177 });
  for (const wrong of ['', 'host', 'host:', 'host:99999', '::1:80', 'a b:1', 'host:1x']) {
    expect(() => parseListenAddress(wrong), wrong).toThrow(ListenAddressError);
  }
});

test('an internal error is logged in full, and a client learns only that there was one', async () => {
  const errors: Error[] = [];
  const secret = new Error('secret detail');
  const server = await serve(
    {
      local: {
        scrapes: { scrape: () => Promise.reject(secret) },
        health: () => CLOSED,
        onFailure: () => undefined,
      },
      process: { text: async () => '' },
      version: 'x',
      onError: (error) => errors.push(error),
    },
    { host: '127.0.0.1', port: 0 },
  );
  const response = await fetch(`${server.url}/metrics`);
  expect(response.status).toBe(500);
  expect(await response.text()).not.toContain('secret');
  expect(errors).toEqual([secret]);
  await server.close();
});

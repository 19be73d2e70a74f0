import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { request as httpRequest, type ServerResponse } from 'node:http';
import { Agent, type AgentOptions, request as httpsRequest, type RequestOptions } from 'node:https';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { hashSync } from 'bcryptjs';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { type RunningExporter, runExporter } from '../../cli/run-exporter.ts';
import { sendText } from '../../exporter/http/send.ts';
import { OPEN_WEB, readWebConfig } from '../../exporter/http/web-config.ts';
import { type Demo, startDemo } from '../../simulator/demo.ts';

const TLS = resolve('test/fixtures/tls');
const pem = (name: string): Buffer => readFileSync(join(TLS, name));

let dir: string;
let demo: Demo;
const running: RunningExporter[] = [];
beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), 'virtune-web-'));
  demo = await startDemo();
});
afterAll(async () => {
  await Promise.all(running.map((exporter) => exporter.close()));
  await demo.stop();
  rmSync(dir, { recursive: true });
});

let files = 0;
function webFile(text: string): string {
  const path = join(dir, `web-${files++}.yml`);
  writeFileSync(path, text);
  return path;
}

async function start(web?: string, config?: string): Promise<RunningExporter> {
  let configFile: string | undefined;
  if (config !== undefined) {
    configFile = join(dir, `config-${files++}.yml`);
    writeFileSync(configFile, config);
  }
  const exporter = await runExporter({
    uri: demo.uri,
    listen: '127.0.0.1:0',
    webConfigFile: web === undefined ? undefined : webFile(web),
    configFile,
    lifecycle: config !== undefined,
  });
  running.push(exporter);
  return exporter;
}

interface Answer {
  readonly status: number;
  readonly headers: Record<string, string | string[] | undefined>;
  readonly body: string;
}

function ask(url: string, options: RequestOptions = {}): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const send = url.startsWith('https:') ? httpsRequest : httpRequest;
    const request = send(
      url,
      { ...options, agent: url.startsWith('https:') ? new Agent(options as AgentOptions) : undefined },
      (response) => {
        let body = '';
        response.on('data', (chunk) => {
          body += chunk;
        });
        response.on('end', () =>
          resolve({ status: response.statusCode ?? 0, headers: response.headers, body }),
        );
      },
    );
    request.on('error', reject);
    request.end();
  });
}

const basic = (user: string, password: string): RequestOptions => ({
  headers: { authorization: `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}` },
});

test('with users configured, only the right password of a known user gets metrics', async () => {
  const { url } = await start(`basic_auth_users:\n  scraper: ${hashSync('right:with colon', 4)}\n`);
  const metrics = `${url}/metrics`;
  expect((await ask(metrics, basic('scraper', 'right:with colon'))).status).toBe(200);
  expect((await ask(metrics, basic('scraper', 'right:with colon'))).status).toBe(200);
  for (const wrong of [
    {},
    basic('scraper', 'wrong'),
    basic('nobody', 'right:with colon'),
    basic('scraper', ''),
  ]) {
    const answer = await ask(metrics, wrong);
    expect(answer.status).toBe(401);
    expect(answer.headers['www-authenticate']).toContain('Basic');
    expect(answer.body).not.toContain('libvirt');
  }
  for (const header of [
    'Basic',
    'Basic !!!',
    'Bearer x',
    `Basic ${Buffer.from('nocolon').toString('base64')}`,
  ]) {
    expect((await ask(metrics, { headers: { authorization: header } })).status).toBe(401);
  }
  expect((await ask(`${url}/-/healthy`)).status).toBe(401);
});

test('many guesses at once are turned away instead of taking all the CPU', async () => {
  const { url } = await start(`basic_auth_users:\n  scraper: ${hashSync('right', 4)}\n`);
  const guesses = Array.from({ length: 600 }, (_, n) =>
    ask(`${url}/metrics`, basic('scraper', `guess ${n}`)),
  );
  const answers = await Promise.all(guesses);
  const statuses = answers.map((answer) => answer.status);
  expect(statuses.filter((status) => status === 401).length).toBeGreaterThanOrEqual(256);
  expect(statuses.filter((status) => status === 503).length).toBeGreaterThan(0);
  expect(new Set(statuses)).toEqual(new Set([401, 503]));
});

test('the right password gets in beside fifty connections that guess, and known ones take no place in the queue', async () => {
  const { url } = await start(`basic_auth_users:\n  scraper: ${hashSync('right', 4)}\n`);
  let stopped = false;
  const guessed = new Set<number>();
  const guess = async (_: unknown, client: number): Promise<void> => {
    for (let n = 0; !stopped; n++)
      guessed.add((await ask(url, basic('nobody', `guess ${client} ${n}`))).status);
  };
  const guessers = Array.from({ length: 50 }, guess);
  await expect.poll(() => guessed.size).toBe(1);
  for (let n = 0; n < 5; n++) expect((await ask(url, basic('scraper', 'right'))).status).toBe(200);
  stopped = true;
  await Promise.all(guessers);
  expect([...guessed]).toEqual([401]);
});

test('the right password gets in beside eight clients that guess, after a start and after a reload', async () => {
  const path = webFile(`basic_auth_users:\n  scraper: ${hashSync('right', 6)}\n`);
  const exporter = await runExporter({ uri: demo.uri, listen: '127.0.0.1:0', webConfigFile: path });
  running.push(exporter);
  const url = `${exporter.url}/-/healthy`;
  let stopped = false;
  const guessed = new Set<number>();
  const guess = async (_: unknown, client: number): Promise<void> => {
    for (let n = 0; !stopped; n++)
      guessed.add((await ask(url, basic(client % 2 ? 'nobody' : 'scraper', `guess ${n}`))).status);
  };
  const guessers = Array.from({ length: 8 }, guess);
  await expect.poll(() => guessed.size).toBe(1);
  expect((await ask(url, basic('scraper', 'right'))).status).toBe(200);
  await exporter.reload();
  expect((await ask(url, basic('scraper', 'right'))).status).toBe(200);
  stopped = true;
  await Promise.all(guessers);
  expect([...guessed]).toEqual([401]);
});

const tls = (more = ''): string =>
  `tls_server_config:\n  cert_file: ${TLS}/server.pem\n  key_file: ${TLS}/server.key\n${more}`;

test('TLS is spoken from 1.2 on, and plain text is not answered', async () => {
  const { url } = await start(tls());
  expect(url).toMatch(/^https:/);
  expect((await ask(`${url}/metrics`, { ca: pem('ca.pem') })).status).toBe(200);
  await expect(
    ask(`${url}/metrics`, {
      ca: pem('ca.pem'),
      maxVersion: 'TLSv1.1',
      minVersion: 'TLSv1',
      ciphers: 'DEFAULT@SECLEVEL=0',
    }),
  ).rejects.toThrow();
  await expect(ask(url.replace('https', 'http'))).rejects.toThrow();
});

test('a minimum of TLS 1.3 leaves out 1.2', async () => {
  const { url } = await start(tls('  min_version: TLS13\n'));
  await expect(ask(`${url}/metrics`, { ca: pem('ca.pem'), maxVersion: 'TLSv1.2' })).rejects.toThrow();
  expect((await ask(`${url}/metrics`, { ca: pem('ca.pem') })).status).toBe(200);
});

test('a client certificate can be asked for, and by name', async () => {
  const client = { ca: pem('ca.pem'), cert: pem('client.pem'), key: pem('client.key') };
  const verify = `  client_auth_type: RequireAndVerifyClientCert\n  client_ca_file: ${TLS}/ca.pem\n`;
  const { url } = await start(tls(verify));
  await expect(ask(`${url}/metrics`, { ca: pem('ca.pem') })).rejects.toThrow();
  expect((await ask(`${url}/metrics`, client)).status).toBe(200);
  const named = await start(tls(`${verify}  client_allowed_sans: [scraper.example]\n`));
  expect((await ask(`${named.url}/metrics`, client)).status).toBe(200);
  const other = await start(tls(`${verify}  client_allowed_sans: [other.example]\n`));
  expect((await ask(`${other.url}/metrics`, client)).status).toBe(403);
});

test('any certificate will do where any is required, and a given one is verified where that is asked', async () => {
  const ca = pem('ca.pem');
  const stranger = { ca, cert: pem('stranger.pem'), key: pem('stranger.key') };
  const client = { ca, cert: pem('client.pem'), key: pem('client.key') };
  const any = await start(tls('  client_auth_type: RequireAnyClientCert\n'));
  expect((await ask(`${any.url}/metrics`, { ca })).status).toBe(403);
  expect((await ask(`${any.url}/metrics`, stranger)).status).toBe(200);
  const given = await start(
    tls(`  client_auth_type: VerifyClientCertIfGiven\n  client_ca_file: ${TLS}/ca.pem\n`),
  );
  expect((await ask(`${given.url}/metrics`, { ca })).status).toBe(200);
  expect((await ask(`${given.url}/metrics`, client)).status).toBe(200);
  expect((await ask(`${given.url}/metrics`, stranger)).status).toBe(403);
});

test('users change with a reload; what needs a restart is refused, and then nothing changes', async () => {
  const path = webFile(`basic_auth_users:\n  old: ${hashSync('right', 4)}\n`);
  const exporter = await runExporter({ uri: demo.uri, listen: '127.0.0.1:0', webConfigFile: path });
  running.push(exporter);
  const statusOf = async (user: string): Promise<number> =>
    (await ask(`${exporter.url}/metrics`, basic(user, 'right'))).status;
  expect(await statusOf('old')).toBe(200);
  writeFileSync(path, `basic_auth_users:\n  new: ${hashSync('right', 4)}\n`);
  await exporter.reload();
  expect([await statusOf('old'), await statusOf('new')]).toEqual([401, 200]);
  writeFileSync(path, tls());
  await expect(exporter.reload()).rejects.toThrow(/TLS cannot be switched on or off/);
  expect(await statusOf('new')).toBe(200);
});

test('a reload that would require client certificates is refused, as it would have no effect', async () => {
  const path = webFile(tls());
  const exporter = await runExporter({ uri: demo.uri, listen: '127.0.0.1:0', webConfigFile: path });
  running.push(exporter);
  writeFileSync(
    path,
    tls(`  client_auth_type: RequireAndVerifyClientCert\n  client_ca_file: ${TLS}/ca.pem\n`),
  );
  await expect(exporter.reload()).rejects.toThrow(/client_auth_type cannot change/);
});

test('a certificate that does not fit its key is refused on a reload, before anything is changed', async () => {
  const users = (name: string): string => `basic_auth_users:\n  ${name}: ${hashSync('right', 4)}\n`;
  const path = webFile(tls() + users('old'));
  const exporter = await runExporter({ uri: demo.uri, listen: '127.0.0.1:0', webConfigFile: path });
  running.push(exporter);
  writeFileSync(path, tls().replace('server.key', 'client.key') + users('new'));
  await expect(exporter.reload()).rejects.toMatchObject({ code: 'CONFIG' });
  const asOld = { ca: pem('ca.pem'), ...basic('old', 'right') };
  expect((await ask(`${exporter.url}/metrics`, asOld)).status).toBe(200);
});

test('headers of the configuration are on every answer', async () => {
  const { url } = await start('http_server_config:\n  headers: { X-Frame-Options: deny }\n');
  for (const path of ['/', '/metrics', '/no'])
    expect((await ask(url + path)).headers['x-frame-options']).toBe('deny');
});

test.each([
  ['basic_auth_users:\n  a: plain\n', /bcrypt/],
  ['tls_server_config: { cert_file: /no/such, key_file: /no/such }\n', /cert_file/],
  ['tls_server_config: { cert_file: x }\n', /key_file/],
  ['http_server_config: { http2: true }\n', /HTTP\/2/],
  ['http_server_config: { headers: { Set-Cookie: x } }\n', /headers/],
  ['http_server_config: { headers: { X-Frame-Options: "a\\nb" } }\n', /:1: http_server_config\.headers/],
  [
    `tls_server_config: { cert_file: ${TLS}/server.pem, key_file: ${TLS}/client.key }\n`,
    /check that the key matches the certificate/,
  ],
  [tls('  cipher_suites: [TLS_NO_SUCH]\n'), /cipher_suites/],
  [tls('  min_version: SSL3\n'), /:4: tls_server_config\.min_version/],
  [tls('  max_version: TLS11\n'), /:4: tls_server_config\.max_version: no client could connect/],
  [tls('  client_auth_type: RequireAndVerifyClientCert\n'), /client_ca_file/],
  [tls(`  client_ca_file: ${TLS}/ca.pem\n`), /client_auth_type/],
  [
    tls(`  client_auth_type: RequireAndVerifyClientCert\n  client_ca_file: ${TLS}/server.key\n`),
    /tls_server_config\.client_ca_file contains no certificate in PEM format/,
  ],
  [tls('  curve_preferences: [P-256]\n'), /curve_preferences/],
  ['rate_limit: { interval: 1, burst: 20 }\n', /rate_limit\.interval/],
  ['rate_limit: { interval: soon, burst: 20 }\n', /with a unit/],
  ['rate_limit: { interval: -1s, burst: 20 }\n', /with a unit/],
  ['rate_limit: { interval: 1s }\n', /burst must be at least 1/],
  ['rate_limit: { interval: 1s, burst: 1.5 }\n', /rate_limit\.burst/],
  ['unknown: 1\n', /unknown/],
  [
    'tls_server_config:\n  # cert_file: x\n',
    /:1: tls_server_config: it has no content, so all would be plain text;/,
  ],
  [
    'basic_auth_users:\n  # a: x\n',
    /:1: basic_auth_users: it has no content, so no client would need a password;/,
  ],
  [
    tls('  client_allowed_sans:\n'),
    /:4: tls_server_config\.client_allowed_sans: it has no content, so a cert/,
  ],
])('%j is refused as web configuration', async (text, message) => {
  await expect(readWebConfig(webFile(text))).rejects.toThrow(message);
});

test.each([
  ['rate_limit: { interval: 1s, burst: 20 }\n', { intervalMs: 1_000, burst: 20 }],
  ['rate_limit: { interval: 1m30s, burst: 1 }\n', { intervalMs: 90_000, burst: 1 }],
  ['rate_limit: { interval: "500ms", burst: 2 }\n', { intervalMs: 500, burst: 2 }],
  ['rate_limit: { interval: 0, burst: 20 }\n', undefined],
  ['rate_limit: { burst: 20 }\n', undefined],
  ['rate_limit: {}\n', undefined],
  ['rate_limit:\n  # burst: 20\n', undefined],
])('%j is read as exporter-toolkit reads it', async (text, expected) => {
  expect((await readWebConfig(webFile(text))).rateLimit).toEqual(expected);
});

test('a key whose content is commented out is as if absent, as in exporter-toolkit', async () => {
  const headers = 'http_server_config:\n  headers:\n    X-Frame-Options:\n    X-XSS-Protection: "0"\n';
  expect((await readWebConfig(webFile(headers))).headers).toEqual({ 'X-XSS-Protection': '0' });
  for (const text of ['http_server_config:\n', 'http_server_config:\n  headers:\n', 'rate_limit:\n'])
    expect(await readWebConfig(webFile(text))).toEqual(OPEN_WEB);
  const { tls: plain } = await readWebConfig(webFile(tls()));
  for (const lists of [
    '  cipher_suites:\n  curve_preferences:\n',
    '  cipher_suites: []\n  curve_preferences: []\n',
  ])
    expect((await readWebConfig(webFile(tls(lists)))).tls).toEqual(plain);
});

test('a burst is answered and the next request gets 429, on any path and before its password is checked', async () => {
  const { url } = await start(
    `rate_limit: { interval: 1h, burst: 2 }\nbasic_auth_users:\n  a: ${hashSync('right', 4)}\n`,
  );
  expect((await ask(`${url}/metrics`, basic('a', 'right'))).status).toBe(200);
  expect((await ask(`${url}/-/healthy`)).status).toBe(401);
  for (const path of ['/metrics', '/-/healthy', '/no']) {
    const answer = await ask(url + path, basic('a', 'right'));
    expect([path, answer.status]).toEqual([path, 429]);
    expect(Number(answer.headers['retry-after'])).toBeGreaterThan(3_500);
  }
});

test('a reload changes the rate limit, and one that leaves it as it is does not refill the bucket', async () => {
  const path = webFile('rate_limit: { interval: 1h, burst: 1 }\n');
  const exporter = await runExporter({ uri: demo.uri, listen: '127.0.0.1:0', webConfigFile: path });
  running.push(exporter);
  const status = async (): Promise<number> => (await ask(`${exporter.url}/-/healthy`)).status;
  expect([await status(), await status()]).toEqual([200, 429]);
  await exporter.reload();
  expect(await status()).toBe(429);
  writeFileSync(path, '{}\n');
  await exporter.reload();
  expect([await status(), await status()]).toEqual([200, 200]);
});

test("a certificate, its key and the clients' CA may stand in the file itself", async () => {
  const inline = (name: string): string => JSON.stringify(pem(name).toString());
  const { url } = await start(
    `tls_server_config: { cert: ${inline('server.pem')}, key: ${inline('server.key')}, client_ca: ${inline('ca.pem')}, client_auth_type: RequireAndVerifyClientCert }\n`,
  );
  const client = { ca: pem('ca.pem'), cert: pem('client.pem'), key: pem('client.key') };
  expect((await ask(`${url}/metrics`, client)).status).toBe(200);
  await expect(ask(`${url}/metrics`, { ca: pem('ca.pem') })).rejects.toThrow();
});

test.each([
  ['RequireAnyClientCert', ''],
  ['RequireClientCert', ''],
  ['RequestClientCert', ''],
  ['NoClientCert', ''],
  ['RequireAnyClientCert', `  client_ca_file: ${TLS}/ca.pem\n`],
])('names of client certificates are refused with %s%j, which verifies none', async (auth, more) => {
  const text = tls(`  client_auth_type: ${auth}\n  client_allowed_sans: [scraper.example]\n${more}`);
  await expect(readWebConfig(webFile(text))).rejects.toThrow(/client_allowed_sans proves nothing with/);
});

test('names of client certificates without a client_auth_type are refused too', async () => {
  const text = tls('  client_allowed_sans: [scraper.example]\n');
  await expect(readWebConfig(webFile(text))).rejects.toThrow(
    /client_allowed_sans proves nothing with NoClientCert/,
  );
  expect((await readWebConfig(webFile(tls('  client_allowed_sans: []\n')))).allowedSans).toEqual([]);
});

test('a client without a certificate is refused where names are asked for, also where certificates may be left out', async () => {
  const { url } = await start(
    tls(
      `  client_auth_type: VerifyClientCertIfGiven\n  client_ca_file: ${TLS}/ca.pem\n  client_allowed_sans: [scraper.example]\n`,
    ),
  );
  const ca = pem('ca.pem');
  const client = { ca, cert: pem('client.pem'), key: pem('client.key') };
  expect((await ask(`${url}/metrics`, { ca })).status).toBe(403);
  expect((await ask(`${url}/metrics`, client)).status).toBe(200);
});

test('RequireClientCert is the older word for RequireAnyClientCert', async () => {
  const { clientAuth } = await readWebConfig(webFile(tls('  client_auth_type: RequireClientCert\n')));
  expect(clientAuth).toBe('RequireAnyClientCert');
});

test('only the curves that are configured are agreed on', async () => {
  const { url } = await start(tls('  curve_preferences: [CurveP384]\n'));
  const ca = pem('ca.pem');
  expect((await ask(`${url}/metrics`, { ca, ecdhCurve: 'secp384r1' })).status).toBe(200);
  await expect(ask(`${url}/metrics`, { ca, ecdhCurve: 'prime256v1' })).rejects.toThrow();
});

test('only configured hosts are probed, and no answer repeats what was asked for', async () => {
  const { url } = await start(undefined, `local: ${demo.uri}\nhosts:\n  kvm1: { uri: "${demo.uri}" }\n`);
  const probed = await ask(`${url}/probe?target=kvm1`);
  expect(probed.body).toContain('libvirt_up 1');
  expect(probed.body).not.toContain('process_resident_memory_bytes');
  for (const target of [
    'qemu:///system',
    '169.254.169.254',
    'kvm2',
    '__proto__',
    '<script>',
    '%00',
    '../kvm1',
    '',
  ]) {
    const answer = await ask(`${url}/probe?target=${encodeURIComponent(target)}`);
    expect(answer.status).toBe(404);
    if (target !== '') expect(answer.body).not.toContain(target);
  }
  expect((await ask(`${url}/probe`)).status).toBe(400);
  expect((await ask(`${url}/probe?target=kvm1&target=kvm1`)).status).toBe(400);
  const discovered = JSON.parse((await ask(`${url}/sd`)).body);
  expect(discovered).toEqual([
    {
      targets: [new URL(url).host],
      labels: { __metrics_path__: '/probe', __param_target: 'kvm1', instance: 'kvm1' },
    },
  ]);
  expect((await ask(`${url}/sd`, { headers: { host: 'evil"} host' } })).status).toBe(400);
});

test('a configuration is reloaded on demand, and an invalid one leaves the old in place', async () => {
  const path = join(dir, 'reload.yml');
  const write = (hosts: string): void => writeFileSync(path, `local: ${demo.uri}\nhosts: ${hosts}\n`);
  write('{}');
  const exporter = await runExporter({ listen: '127.0.0.1:0', configFile: path, lifecycle: true });
  running.push(exporter);
  const reload = (): Promise<Answer> => ask(`${exporter.url}/-/reload`, { method: 'POST' });
  const probe = (): Promise<Answer> => ask(`${exporter.url}/probe?target=kvm1`);
  expect((await probe()).status).toBe(404);
  write(`{ kvm1: { uri: "${demo.uri}" } }`);
  expect((await reload()).status).toBe(200);
  expect((await probe()).status).toBe(200);
  write('{ kvm1: { uri: 1 } }');
  const refused = await reload();
  expect(refused.status).toBe(500);
  expect(refused.body).not.toContain('kvm1');
  expect((await probe()).status).toBe(200);
  expect((await ask(`${exporter.url}/metrics`)).body).toContain('virtune_config_last_reload_successful 0');
  write('{}');
  expect((await reload()).status).toBe(200);
  expect((await probe()).status).toBe(404);
  expect((await ask(`${exporter.url}/-/reload`)).status).toBe(405);
});

test('a reload is refused unless it is enabled, and only the routes are served', async () => {
  const { url } = await start();
  expect((await ask(`${url}/-/reload`, { method: 'POST' })).status).toBe(404);
  for (const path of [
    '/../etc/passwd',
    '//metrics',
    '/metrics/',
    '/%2e%2e/',
    '/.git/config',
    '/probe',
    '/sd',
    '/metrics%00',
  ]) {
    const answer = await ask(`${url}/`, { path });
    expect([path, answer.status]).toEqual([path, 404]);
    expect(answer.body).not.toMatch(/at .*\.ts|node_modules|root:/);
  }
  expect((await ask(`${url}/metrics`, { method: 'DELETE' })).status).toBe(405);
});

test('a flood of headers is refused, and the next scrape is answered', async () => {
  const { url } = await start();
  const headers = Object.fromEntries(Array.from({ length: 500 }, (_, n) => [`x-${n}`, 'y'.repeat(100)]));
  expect((await ask(`${url}/metrics`, { headers })).status).toBe(431);
  expect((await ask(`${url}/metrics`)).status).toBe(200);
});

test('above forty requests at once, clients are asked to retry', async () => {
  const { url } = await start();
  demo.daemon.faults.slowMs = 50;
  try {
    const answers = await Promise.all(Array.from({ length: 60 }, () => ask(`${url}/metrics`)));
    const busy = answers.filter((answer) => answer.status === 503);
    expect(answers.filter((answer) => answer.status === 200)).toHaveLength(40);
    expect(busy).toHaveLength(20);
    expect(busy[0]?.headers['retry-after']).toBe('5');
  } finally {
    demo.daemon.faults.slowMs = 0;
  }
});

test('a client that does not read its answer is disconnected', async () => {
  let cut = false;
  const held = {
    end: () => undefined,
    writeHead: () => undefined,
    once: () => undefined,
    req: { socket: { remoteAddress: '10.0.0.1', destroy: () => (cut = true) } },
  };
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  try {
    sendText(held as unknown as ServerResponse, 200, 'x');
    vi.advanceTimersByTime(29_000);
    expect(cut).toBe(false);
    vi.advanceTimersByTime(2_000);
    expect(cut).toBe(true);
  } finally {
    vi.useRealTimers();
  }
});

test('a configuration without any host is refused', async () => {
  const path = join(dir, 'nothing.yml');
  writeFileSync(path, 'local: false\n');
  await expect(runExporter({ listen: '127.0.0.1:0', configFile: path })).rejects.toThrow(
    /no host to monitor/,
  );
});

test('clients that begin no TLS handshake are disconnected, and hold up no other', async () => {
  const { url } = await start(tls());
  const port = Number(new URL(url).port);
  let closed = 0;
  for (let n = 0; n < 50; n++) {
    const socket = connect(port, '127.0.0.1');
    socket.on('error', () => undefined);
    socket.on('close', () => closed++);
    socket.resume();
  }
  expect((await ask(`${url}/metrics`, { ca: pem('ca.pem') })).status).toBe(200);
  await expect.poll(() => closed, { timeout: 30_000 }).toBe(50);
}, 60_000);

test('a thousand clients that never finish their request do not stop a scrape, and are disconnected', async () => {
  const { url } = await start();
  const port = Number(new URL(url).port);
  let closed = 0;
  const sockets = await Promise.all(
    Array.from({ length: 1_000 }, () => {
      return new Promise<Socket>((resolve, reject) => {
        const socket = connect(port, '127.0.0.1', () => {
          socket.write('GET /metrics HTTP/1.1\r\nHost: x\r\nX-Slow: ');
          resolve(socket);
        });
        socket.on('error', reject);
        socket.on('close', () => closed++);
        socket.resume();
      });
    }),
  );
  const drip = setInterval(() => {
    for (const socket of sockets) if (socket.writable) socket.write('a');
  }, 1_000);
  for (let n = 0; n < 5; n++) expect((await ask(`${url}/metrics`)).status).toBe(200);
  await expect.poll(() => closed, { timeout: 15_000 }).toBe(1_000);
  clearInterval(drip);
}, 30_000);

test('a hash of a cost that bcrypt does not have is refused', async () => {
  const cost = (digits: string): string =>
    `basic_auth_users:\n  a: $2b$${digits}$${hashSync('right', 4).slice(7)}\n`;
  for (const digits of ['00', '03', '32', '99'])
    await expect(readWebConfig(webFile(cost(digits)))).rejects.toThrow(/bcrypt/);
  for (const digits of ['04', '10', '31'])
    expect((await readWebConfig(webFile(cost(digits)))).users.size).toBe(1);
});

test('a scraper that gives little time gets who answers within it', async () => {
  const { url } = await start();
  const vm = demo.daemon.host.vms.find((each) => each.active);
  if (vm === undefined) throw new Error('no VM runs');
  demo.daemon.faults.hang(vm);
  const answer = await ask(`${url}/metrics`, { headers: { 'x-prometheus-scrape-timeout-seconds': '1' } });
  demo.daemon.faults.unhang(vm);
  expect(answer.status).toBe(200);
  expect(answer.body).toMatch(/virtune_domain_outcome\{.*outcome="(late|unresponsive)"\} 1/);
  for (const nonsense of ['x', '-1', 'NaN', '']) {
    const header = { headers: { 'x-prometheus-scrape-timeout-seconds': nonsense } };
    expect((await ask(`${url}/metrics`, header)).status).toBe(200);
  }
});

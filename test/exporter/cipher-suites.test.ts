import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type CipherNameAndProtocol, connect, createServer } from 'node:tls';
import { afterAll, expect, test } from 'vitest';
import { CIPHER_SUITES } from '../../exporter/http/cipher-suites.ts';
import { readWebConfig, type WebConfig } from '../../exporter/http/web-config.ts';

const TLS = join(import.meta.dirname, '../fixtures/tls');
const folder = mkdtempSync(join(tmpdir(), 'virtune-ciphers-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const names = Object.keys(CIPHER_SUITES);
/** The OpenSSL bundled with Node.js is built without 3DES. */
const offered = names.filter((name) => !name.includes('3DES'));

function read(suites: readonly string[], certificate: string): Promise<WebConfig> {
  const path = join(folder, 'web.yml');
  const tls = {
    cert_file: join(TLS, `${certificate}.pem`),
    key_file: join(TLS, `${certificate}.key`),
    cipher_suites: suites,
  };
  // JSON is YAML.
  writeFileSync(path, JSON.stringify({ tls_server_config: tls }));
  return readWebConfig(path);
}

/** The cipher that a server with these suites and a client with only the cipher `client` agree on. */
async function agreed(suites: readonly string[], client: string): Promise<CipherNameAndProtocol> {
  const certificate = client.includes('ECDSA') ? 'server' : 'rsa';
  const { tls } = await read(suites, certificate);
  const server = createServer(tls ?? {}).listen(0, '127.0.0.1');
  server.on('tlsClientError', () => undefined);
  await new Promise((resolve) => server.once('listening', resolve));
  const ca = readFileSync(join(TLS, certificate === 'rsa' ? 'rsa.pem' : 'ca.pem'));
  const maxVersion = client.startsWith('TLS_') ? 'TLSv1.3' : 'TLSv1.2';
  const { port } = server.address() as AddressInfo;
  try {
    return await new Promise((resolve, reject) => {
      const socket = connect({ host: '127.0.0.1', port, ca, ciphers: client, maxVersion }, () => {
        resolve(socket.getCipher());
        socket.destroy();
      });
      socket.on('error', reject);
    });
  } finally {
    server.close();
  }
}

test.each(offered)('%s alone is the suite that is agreed on', async (name) => {
  const { [name as keyof typeof CIPHER_SUITES]: client } = CIPHER_SUITES;
  expect((await agreed([name], client)).standardName).toBe(name);
});

test('each of two suites is offered', async () => {
  const suites = ['TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256', 'TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA'];
  for (const client of ['ECDHE-ECDSA-AES128-GCM-SHA256', 'ECDHE-ECDSA-AES128-SHA'])
    expect((await agreed(suites, client)).name).toBe(client);
  await expect(agreed(suites, 'ECDHE-ECDSA-AES256-SHA')).rejects.toThrow(/handshake failure/);
});

test('a list without suites means the default', async () => {
  expect((await agreed([], 'ECDHE-ECDSA-AES128-GCM-SHA256')).version).toBe('TLSv1.2');
});

test.each(['TLS_NO_SUCH', 'TLS_RSA_WITH_RC4_128_SHA', 'ECDHE-RSA-AES128-SHA', 'toString', 7])(
  '%j beside a known name is refused, and named with its line',
  async (name) => {
    const path = join(folder, 'unknown.yml');
    writeFileSync(
      path,
      `tls_server_config:\n  cert_file: ${TLS}/server.pem\n  key_file: ${TLS}/server.key\n  cipher_suites:\n    - TLS_AES_128_GCM_SHA256\n    - ${name}\n`,
    );
    await expect(readWebConfig(path)).rejects.toThrow(
      `${path}:6: tls_server_config.cipher_suites.1: unknown cipher suite ${JSON.stringify(name)};`,
    );
  },
);

test.runIf(process.config.variables.node_shared_openssl === false)(
  'a suite that OpenSSL does not have is refused, and not left out beside one that it has',
  async () => {
    const suites = names.filter((name) => name.includes('3DES'));
    expect(suites).not.toEqual([]);
    for (const name of suites)
      await expect(read(['TLS_AES_128_GCM_SHA256', name], 'server')).rejects.toThrow(
        new RegExp(`cipher_suites\\.1: OpenSSL [\\d.]+ of this Node\\.js does not offer ${name};`),
      );
  },
);

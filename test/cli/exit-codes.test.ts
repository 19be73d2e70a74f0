import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { credentialsOf } from '../../cli/credentials.ts';
import { exitCodeFor } from '../../cli/exit-codes.ts';
import { parseConfig, readConfig } from '../../exporter/config/config.ts';
import { readWebConfig } from '../../exporter/http/web-config.ts';
import { openError } from '../../exporter/ndjson/output-error.ts';
import { exporterAdvice, queueFolderError } from '../../exporter/queue/queue-error.ts';
import { readSetFile } from '../../exporter/sink-options.ts';
import { AuthError, ConnectError, ProtocolError, RemoteError, UriError } from '../../libvirt/errors.ts';
import { ConfigError } from '../../model/config-error.ts';

test.each([
  [new UriError('x'), 64],
  [new ConnectError('LIBVIRT_NOT_FOUND', 'x'), 69],
  [new ConnectError('LIBVIRT_CONNECT_TIMEOUT', 'x'), 69],
  [new ProtocolError('x'), 69],
  [new RemoteError('connectOpen', 1, 0, 'x'), 69],
  [new ConnectError('LIBVIRT_PERMISSION', 'x'), 77],
  [new AuthError('LIBVIRT_AUTH_FAILED', 'x'), 77],
  [new TypeError('a fault of ours'), 70],
])('%s ends the process with %i', (error, code) => {
  expect(exitCodeFor(error)).toBe(code);
});

function systemError(code: string): Error {
  return Object.assign(new Error(`${code}: as the system says, listen '/q'`), { code, syscall: 'listen' });
}

test.each([
  ['EROFS', 75],
  ['ENOSPC', 75],
  ['EDQUOT', 75],
  ['EIO', 75],
  ['ESTALE', 75],
  ['ETIMEDOUT', 75],
  ['EACCES', 64],
  ['ENOENT', 64],
  ['ENOTDIR', 64],
])('a folder, an output and a configuration that fail with %s end the process with %i', (code, exitCode) => {
  const cause = systemError(code);
  expect(exitCodeFor(queueFolderError('/q', cause, exporterAdvice('otlp')))).toBe(exitCode);
  expect(exitCodeFor(openError('/q', cause))).toBe(exitCode);
  expect(exitCodeFor(new ConfigError('/q cannot be read', { cause }))).toBe(exitCode);
  const wrapped = new Error('in between', { cause });
  expect(exitCodeFor(new ConfigError('/q cannot be read', { cause: wrapped }))).toBe(exitCode);
});

/** A regular file whose first byte cannot be read on any system: EIO. */
const FAULTY = '/proc/self/mem';
const folder = mkdtempSync(join(tmpdir(), 'virtune-exit-codes-'));
const web = join(folder, 'web.yml');
writeFileSync(web, `tls_server_config: { cert_file: ${FAULTY}, key_file: ${FAULTY} }\n`);
afterAll(() => rmSync(folder, { recursive: true }));
const host = `hosts: { kvm1: { uri: qemu+tls://kvm1/system, sasl: { username: a, password_file: ${FAULTY} } } }\n`;

test.each<[string, () => Promise<unknown>]>([
  ['configuration', () => readConfig(FAULTY)],
  ['password of a configured host', () => parseConfig(join(folder, 'virtune.yml'), host)],
  ['key of the server', () => readWebConfig(web)],
  ['secret of a sink', () => readSetFile('--otlp.headers-file', FAULTY)],
  ['password', () => credentialsOf({ saslUsername: 'a', saslPasswordFile: FAULTY })],
])('a %s on a faulty disk ends the process with 75, since it may be read a minute later', async (_, read) => {
  const error: unknown = await read().then(
    () => undefined,
    (reason) => reason,
  );
  expect(error).toMatchObject({ message: expect.stringContaining('EIO') });
  expect(exitCodeFor(error)).toBe(75);
});

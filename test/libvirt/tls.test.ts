import { readFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { basename, join } from 'node:path';
import { createServer } from 'node:tls';
import { expect, test } from 'vitest';
import type { PkiReader } from '../../libvirt/transport/pki.ts';
import { openTls } from '../../libvirt/transport/tls.ts';
import { parseUri } from '../../libvirt/uri.ts';

const pem = (name: string): Buffer => readFileSync(join(import.meta.dirname, '../fixtures/tls', name));
const never = new AbortController().signal;

test('certificates come from where the reader has them, and no file system is asked', async () => {
  const server = createServer({ key: pem('server.key'), cert: pem('server.pem') }, (socket) =>
    socket.end(Buffer.of(1)),
  );
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const read: string[] = [];
  const pki: PkiReader = {
    read: async (path) => {
      read.push(basename(path));
      return pem('ca.pem');
    },
    exists: async () => false,
  };
  const uri = parseUri(`qemu+tls://localhost:${port}/system?pkipath=/nowhere`);
  const transport = await openTls(uri, never, pki);
  transport.destroy();
  server.close();
  expect(read).toEqual(['cacert.pem']);
});

test('a certificate whose file system does not answer is an error that names it and says so', async () => {
  const error = Object.assign(new Error('ETIMEDOUT: ...'), { code: 'ETIMEDOUT' });
  const pki: PkiReader = { read: () => Promise.reject(error), exists: async () => true };
  await expect(openTls(parseUri('qemu+tls://h/system?pkipath=/nfs'), never, pki)).rejects.toMatchObject({
    code: 'LIBVIRT_TLS',
    message:
      'the CA certificate /nfs/cacert.pem cannot be read: its file system does not answer; check the file system that it is on',
  });
});

test('certificates that do not come are not waited for when the attempt is over', async () => {
  const pki: PkiReader = { read: () => new Promise(() => undefined), exists: async () => true };
  const attempt = new AbortController();
  const opened = openTls(parseUri('qemu+tls://h/system?pkipath=/nfs'), attempt.signal, pki);
  attempt.abort();
  await expect(opened).rejects.toMatchObject({ code: 'LIBVIRT_CONNECT_TIMEOUT' });
});

test('an error names the file systems that a certificate waits for, where it is not its own', async () => {
  const error = Object.assign(new Error('ETIMEDOUT: ...'), { code: 'ETIMEDOUT', blockedBy: ['/nfs'] });
  const pki: PkiReader = { read: () => Promise.reject(error), exists: async () => true };
  await expect(openTls(parseUri('qemu+tls://h/system?pkipath=/etc'), never, pki)).rejects.toThrow(
    'the CA certificate /etc/cacert.pem cannot be read: blocked by other file systems that do not answer; check the file systems of /nfs',
  );
});

/** Files as in a folder for `?pkipath=`: those that are named, from the fixtures or with a text. */
const folder = (files: Readonly<Record<string, string | Buffer>>): PkiReader => ({
  exists: async (path) => Object.hasOwn(files, basename(path)),
  read: async (path) => {
    const file = files[basename(path)];
    if (file === undefined) throw Object.assign(new Error('ENOENT: ...'), { code: 'ENOENT' });
    return Buffer.from(file);
  },
});

/** Connects to a daemon that has the certificate `name`, with the files of a client. */
async function openTo(
  name: string,
  files: Readonly<Record<string, string | Buffer>>,
  params = '',
): Promise<void> {
  const server = createServer({ key: pem(`${name}.key`), cert: pem(`${name}.pem`) }, (socket) =>
    socket.end(Buffer.of(1)),
  );
  server.on('tlsClientError', () => undefined);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const uri = parseUri(`qemu+tls://localhost:${port}/system?pkipath=/pki${params}`);
  try {
    (await openTls(uri, never, folder(files))).destroy();
  } finally {
    server.close();
  }
}

const TRUST = { 'cacert.pem': pem('crl-ca.pem'), 'cacrl.pem': pem('crl.pem') };

test('a daemon whose certificate the CA has revoked is not connected to, and another of that CA is', async () => {
  await openTo('crl-server', TRUST);
  await expect(openTo('crl-revoked', TRUST)).rejects.toMatchObject({
    code: 'LIBVIRT_TLS',
    message: expect.stringMatching(
      /: certificate revoked \(certificate revocation list \/pki\/cacrl\.pem\); the CA has revoked the certificate/,
    ),
  });
});

test('without a revocation list, or without verification, none is asked', async () => {
  await openTo('crl-revoked', { 'cacert.pem': pem('crl-ca.pem') });
  await openTo('crl-revoked', TRUST, '&no_verify=1');
});

test('a revocation list of another CA says nothing about this one, and the error says what to do', async () => {
  await expect(openTo('server', { ...TRUST, 'cacert.pem': pem('ca.pem') })).rejects.toThrow(
    /unable to get certificate CRL \(certificate revocation list \/pki\/cacrl\.pem\); add the list of each CA/,
  );
});

test.each([
  ['a revocation list', { 'cacrl.pem': 'x' }, 'the certificate revocation list /pki/cacrl.pem is not in PEM'],
  [
    'a client certificate',
    { 'clientcert.pem': 'x', 'clientkey.pem': pem('client.key') },
    'the client certificate /pki/clientcert.pem is damaged',
  ],
  [
    'a client key',
    { 'clientcert.pem': pem('client.pem'), 'clientkey.pem': 'x' },
    'the client key /pki/clientkey.pem is damaged, encrypted',
  ],
  [
    'the key of another certificate',
    { 'clientcert.pem': pem('client.pem'), 'clientkey.pem': pem('server.key') },
    'or not that of the certificate /pki/clientcert.pem',
  ],
])('%s that cannot be used is an error that names its file', async (_, files, message) => {
  await expect(openTo('crl-server', { ...TRUST, ...files })).rejects.toMatchObject({
    code: 'LIBVIRT_TLS',
    message: expect.stringContaining(message),
  });
});

test('a file that virtune may not read is an error that says so', async () => {
  const error = Object.assign(new Error('EACCES: ...'), { code: 'EACCES' });
  const pki: PkiReader = { read: () => Promise.reject(error), exists: async () => true };
  await expect(openTls(parseUri('qemu+tls://h/system?pkipath=/pki'), never, pki)).rejects.toThrow(
    "the CA certificate /pki/cacert.pem cannot be read: permission denied; make it readable by virtune's user",
  );
});

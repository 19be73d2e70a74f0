import { readFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { basename, join } from 'node:path';
import { createServer } from 'node:tls';
import { expect, test } from 'vitest';
import { openTls, type PkiReader } from '../../libvirt/transport/tls.ts';
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
  const error = Object.assign(new Error('ETIMEDOUT: ...'), { code: 'ETIMEDOUT', behind: ['/nfs'] });
  const pki: PkiReader = { read: () => Promise.reject(error), exists: async () => true };
  await expect(openTls(parseUri('qemu+tls://h/system?pkipath=/etc'), never, pki)).rejects.toThrow(
    'the CA certificate /etc/cacert.pem cannot be read: others do not answer; check the file systems of /nfs',
  );
});

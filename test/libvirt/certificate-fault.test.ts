import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { certificateFault } from '../../libvirt/transport/certificate-fault.ts';
import { openTls } from '../../libvirt/transport/tls.ts';
import { parseUri } from '../../libvirt/uri.ts';

const pem = (name: string): string =>
  readFileSync(join(import.meta.dirname, '../fixtures/tls', name), 'utf8');
const ca = pem('ca.pem');

test.each([
  ['one certificate', ca],
  ['two certificates', ca + pem('server.pem')],
  ['text before and between them', `# the CA\r\n${ca}\n# and another\n${pem('server.pem')}`],
  ['line breaks of Windows', ca.replaceAll('\n', '\r\n')],
  ['the name that old programs write', ca.replaceAll('CERTIFICATE', 'X509 CERTIFICATE')],
])('a CA file with %s is in order', (_, text) => {
  expect(certificateFault(text)).toBeUndefined();
});

test.each([
  ['nothing', '', /^contains no certificate in PEM format/],
  ['a key', pem('server.key'), /^contains no certificate in PEM format/],
  [
    'DER',
    Buffer.from(ca.replaceAll(/-----.*-----|\s/g, ''), 'base64').toString('latin1'),
    /openssl x509 -inform der/,
  ],
  ['half a certificate', ca.slice(0, ca.length / 2), /^contains a damaged certificate \(number 1 of 1\)/],
  [
    'a second one that is damaged',
    ca + ca.replace('MII', 'MIJ'),
    /^contains a damaged certificate \(number 2 of 2\)/,
  ],
])('a CA file with %s is not: the fault says what to do', (_, text, says) => {
  expect(certificateFault(text)).toMatch(says);
});

test('a CA of libvirt that is not a certificate is an error of its file, not of the daemon', async () => {
  const pki = mkdtempSync(join(tmpdir(), 'virtune-pki-'));
  try {
    writeFileSync(join(pki, 'cacert.pem'), pem('server.key'));
    const uri = parseUri(`qemu+tls://127.0.0.1:1/system?pkipath=${pki}`);
    await expect(openTls(uri, AbortSignal.timeout(10_000))).rejects.toMatchObject({
      code: 'LIBVIRT_TLS',
      message: expect.stringContaining(
        `the CA certificate ${pki}/cacert.pem contains no certificate in PEM format`,
      ),
    });
  } finally {
    rmSync(pki, { recursive: true });
  }
});

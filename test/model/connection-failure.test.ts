import { expect, test } from 'vitest';
import { connectionFailure } from '../../model/connection-failure.ts';

const RECEIVER = { name: 'the receiver', withCa: 'with --ca', inAddress: '--endpoint' };

test.each([
  ['connect ECONNREFUSED 127.0.0.1:4318', 'unreachable', /^the receiver cannot be reached .*ECONNREFUSED/],
  ['getaddrinfo ENOTFOUND otel', 'unreachable', /check the address/],
  ['certificate has expired', 'certificate', /^the receiver's certificate has expired; renew it there/],
  [
    "Hostname/IP does not match certificate's altnames: DNS:a",
    'certificate',
    /other names \(DNS:a\).*in --endpoint/,
  ],
  ['self-signed certificate', 'certificate', /self-signed.*set its certificate with --ca/],
  ['unable to verify the first certificate', 'certificate', /not signed by a CA.*with --ca/],
  ['write EPROTO 1:error:0A00010B:SSL routines::wrong version number:x', 'tls', /use http:\/\//],
  ['1:error:0A000410:SSL routines::sslv3 alert handshake failure:x', 'tls', /sslv3 alert handshake failure/],
  ['Parse Error: Expected HTTP/ (HPE_INVALID_CONSTANT)', 'not http', /does not speak HTTP/],
  ['timeout', 'no answer', /^the receiver did not answer \(timeout\)/],
])('%s: what is wrong, and what to do', (text, kind, message) => {
  expect(connectionFailure(text, true, RECEIVER)).toEqual({ kind, message: expect.stringMatching(message) });
});

test('a connection that is closed at once points to TLS only where none is used', () => {
  expect(connectionFailure('socket hang up', false, RECEIVER).message).toContain('use https://');
  expect(connectionFailure('socket hang up', true, RECEIVER).message).not.toContain('https://');
});

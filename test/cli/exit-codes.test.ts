import { expect, test } from 'vitest';
import { exitCodeFor } from '../../cli/exit-codes.ts';
import { AuthError, ConnectError, ProtocolError, RemoteError, UriError } from '../../libvirt/errors.ts';

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

import type { Duplex } from 'node:stream';
import { ConnectError, type ConnectErrorCode } from '../errors.ts';

const EXPLANATIONS: Readonly<Record<string, readonly [ConnectErrorCode, string]>> = {
  ENOENT: ['LIBVIRT_NOT_FOUND', 'the socket does not exist; check that the libvirt daemon is running'],
  EACCES: [
    'LIBVIRT_PERMISSION',
    "permission denied; add this user to the group that owns the socket (usually 'libvirt'), or connect read-only",
  ],
  EPERM: ['LIBVIRT_PERMISSION', 'permission denied'],
  ECONNREFUSED: [
    'LIBVIRT_REFUSED',
    'connection refused; check that the libvirt daemon is running and listens there',
  ],
  ENOTFOUND: ['LIBVIRT_UNREACHABLE', 'the name does not resolve; check the host in the URI'],
  EAI_AGAIN: [
    'LIBVIRT_UNREACHABLE',
    'the name cannot be resolved at the moment; check DNS, or try again later',
  ],
  EHOSTUNREACH: ['LIBVIRT_UNREACHABLE', 'no route to the host; check the network'],
  ENETUNREACH: ['LIBVIRT_UNREACHABLE', 'no route to the network; check the network'],
  ETIMEDOUT: ['LIBVIRT_UNREACHABLE', 'the host does not answer; check the network and firewalls'],
};

/** What a system error means to the user who has to fix it. */
function explainSystemError(description: string, error: Error): ConnectError {
  const code = (error as NodeJS.ErrnoException).code ?? '';
  const [ours, text] = EXPLANATIONS[code] ?? ['LIBVIRT_UNREACHABLE', error.message];
  return new ConnectError(ours, `cannot connect to ${description}: ${text}`, { cause: error });
}

/** Waits for the stream's `event`; destroys it and rejects with a ConnectError on an error, an end or a signal. */
export function connected(
  stream: Duplex,
  event: string,
  description: string,
  signal: AbortSignal,
  explain: (error: Error) => ConnectError = (error) => explainSystemError(description, error),
): Promise<void> {
  return new Promise((resolve, reject) => {
    const settle = (error?: ConnectError): void => {
      stream.off(event, onReady);
      stream.off('error', onError);
      stream.off('close', onClose);
      signal.removeEventListener('abort', onAbort);
      if (error === undefined) return resolve();
      stream.on('error', () => undefined);
      stream.destroy();
      reject(error);
    };
    const onReady = (): void => settle();
    const onError = (error: Error): void => settle(explain(error));
    const onClose = (): void => settle(explain(new Error('closed by the peer before it was ready')));
    const onAbort = (): void => settle(timeoutError(description, signal));
    stream.once(event, onReady);
    stream.once('error', onError);
    stream.once('close', onClose);
    if (signal.aborted) onAbort();
    else signal.addEventListener('abort', onAbort, { once: true });
  });
}

export function timeoutError(description: string, signal: AbortSignal): ConnectError {
  return new ConnectError(
    'LIBVIRT_CONNECT_TIMEOUT',
    `${description} was not ready in time, or the attempt was canceled; check whether the daemon hangs`,
    { cause: signal.reason },
  );
}

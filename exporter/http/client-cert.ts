import type { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import type { WebConfig } from './web-config.ts';

/** Whether the client's certificate, or the lack of one, satisfies the configuration. */
export function isClientAllowed(
  socket: Socket,
  { clientAuth, allowedSans }: Pick<WebConfig, 'clientAuth' | 'allowedSans'>,
): boolean {
  if (!(socket instanceof TLSSocket)) return true;
  const certificate = socket.getPeerCertificate();
  const given = Object.keys(certificate).length > 0;
  if (clientAuth === 'RequireAnyClientCert' && !given) return false;
  if (clientAuth === 'VerifyClientCertIfGiven' && given && !socket.authorized) return false;
  if (allowedSans.length === 0) return true;
  const names = (certificate.subjectaltname ?? '')
    .split(', ')
    .map((name) => name.replace(/^(DNS|IP Address|email|URI):/, ''));
  return allowedSans.some((allowed) => names.includes(allowed));
}

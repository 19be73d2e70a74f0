import { createConnection } from 'node:net';
import type { ConnectionUri } from '../uri.ts';
import { connected } from './connected.ts';
import { streamTransport, type Transport } from './transport.ts';

const TCP_PORT = 16_509;

/** Unencrypted: anyone in between can read and change it. Only for a trusted network or a test. */
export async function openTcp(uri: ConnectionUri, signal: AbortSignal): Promise<Transport> {
  const host = uri.host as string;
  const port = uri.port ?? TCP_PORT;
  const socket = createConnection({ host, port, noDelay: true, keepAlive: true });
  const description = `${host}:${port} over TCP`;
  await connected(socket, 'connect', description, signal);
  return streamTransport(socket, { description, isConfidential: false });
}

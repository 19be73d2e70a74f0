import type { ServerResponse } from 'node:http';
import { TLSSocket } from 'node:tls';
import { clientOf } from './fair-queue.ts';
import { UnsentBodies } from './unsent-bodies.ts';

/** Time for a client to read a response: one that reads byte by byte holds its memory no longer than this. */
const TAKE_TIMEOUT_MS = 30_000;
/** Five uncompressed scrapes of a host with 1,000 VMs; the unit is throttled above 512 MiB. */
const UNSENT_MAX_BYTES = 32 * 1024 * 1024;

/** Shared by the whole process, like its memory. */
const unsent = new UnsentBodies(UNSENT_MAX_BYTES);

export function sendText(response: ServerResponse, status: number, text: string): void {
  send(response, status, 'text/plain; charset=utf-8', `${text}\n`);
}

/**
 * Disconnects clients that do not read the response: after 30 s, or earlier if unread responses are too large in total.
 */
export function send(
  response: ServerResponse,
  status: number,
  contentType: string,
  body: string | Buffer,
): void {
  // The client is gone; a closed response does not emit `close` again.
  if (response.destroyed) return;
  const { socket } = response.req;
  const bytes = Buffer.byteLength(body);
  response.writeHead(status, { 'Content-Type': contentType, 'Content-Length': bytes });
  response.end(body);
  const timer = setTimeout(() => socket.destroy(), TAKE_TIMEOUT_MS);
  const forget = unsent.add({
    client: clientOf(socket.remoteAddress),
    // TLS makes an encrypted copy per client.
    memory: typeof body === 'string' || socket instanceof TLSSocket ? response : body,
    bytes,
    isOpen: () => !socket.destroyed,
    disconnect: () => socket.destroy(),
  });
  response.once('close', () => {
    clearTimeout(timer);
    forget();
  });
}

import type { ServerResponse } from 'node:http';
import { TLSSocket } from 'node:tls';
import { clientOf } from './fair-queue.ts';
import { UnsentBodies } from './unsent-bodies.ts';

/** For a client to take an answer: one that reads byte by byte holds its memory for no longer. */
const TAKE_TIMEOUT_MS = 30_000;
/** Five scrapes of a host with 1,000 VMs, not compressed; the unit has 256 MiB before it is slowed down. */
const UNSENT_MAX_BYTES = 32 * 1024 * 1024;

/** Of the process, as its memory is. */
const unsent = new UnsentBodies(UNSENT_MAX_BYTES);

export function sendText(response: ServerResponse, status: number, text: string): void {
  send(response, status, 'text/plain; charset=utf-8', `${text}\n`);
}

/** Clients that do not read what they get are disconnected: after 30 s, or before when their answers are too large together. */
export function send(
  response: ServerResponse,
  status: number,
  contentType: string,
  body: string | Buffer,
): void {
  // The client has gone; a closed response does not report it once more.
  if (response.destroyed) return;
  const { socket } = response.req;
  const bytes = Buffer.byteLength(body);
  response.writeHead(status, { 'Content-Type': contentType, 'Content-Length': bytes });
  response.end(body);
  const timer = setTimeout(() => socket.destroy(), TAKE_TIMEOUT_MS);
  const forget = unsent.add({
    client: clientOf(socket.remoteAddress),
    // What is encrypted is a copy for each client.
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

import type { ServerResponse } from 'node:http';

/** For a client to take an answer: one that reads byte by byte holds its memory for no longer. */
const TAKE_TIMEOUT_MS = 30_000;

export function sendText(response: ServerResponse, status: number, text: string): void {
  send(response, status, 'text/plain; charset=utf-8', `${text}\n`);
}

export function send(
  response: ServerResponse,
  status: number,
  contentType: string,
  body: string | Buffer,
): void {
  response.writeHead(status, { 'Content-Type': contentType, 'Content-Length': Buffer.byteLength(body) });
  response.end(body);
  const timer = setTimeout(() => response.destroy(), TAKE_TIMEOUT_MS);
  response.once('close', () => clearTimeout(timer));
}

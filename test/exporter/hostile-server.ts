import { createServer, type Server, type Socket } from 'node:net';
import { gzipSync } from 'node:zlib';

/** A request as received. */
export interface RawRequest {
  readonly method: string;
  readonly path: string;
  readonly head: string;
  readonly body: Buffer;
}

/** Writes arbitrary bytes as a response; it may continue until the socket is destroyed. */
export type RawAnswer = (socket: Socket) => void;

const MIB = 1_024 * 1_024;

/** A server that answers with arbitrary bytes. */
export class HostileServer {
  readonly requests: RawRequest[] = [];
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  private constructor(answer: (request: RawRequest) => RawAnswer) {
    this.#server = createServer((socket) => {
      this.#sockets.add(socket);
      socket.setNoDelay(true);
      socket.on('close', () => this.#sockets.delete(socket));
      socket.on('error', () => undefined);
      let bytes = Buffer.alloc(0);
      socket.on('data', (chunk) => {
        bytes = Buffer.concat([bytes, chunk]);
        for (let found = parse(bytes); found !== undefined; found = parse(bytes)) {
          bytes = bytes.subarray(found.length);
          this.requests.push(found.request);
          answer(found.request)(socket);
        }
      });
    });
  }

  static async start(answer: (request: RawRequest) => RawAnswer): Promise<HostileServer> {
    const server = new HostileServer(answer);
    await new Promise<void>((resolve) => server.#server.listen(0, '127.0.0.1', resolve));
    return server;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as { port: number }).port}`;
  }

  stop(): void {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
  }
}

/** The first request in the bytes, once it is complete. */
function parse(bytes: Buffer): { request: RawRequest; length: number } | undefined {
  const end = bytes.indexOf('\r\n\r\n');
  if (end < 0) return undefined;
  const head = bytes.toString('latin1', 0, end);
  const [, method = '', path = ''] = /^(\S+) (\S+)/.exec(head) ?? [];
  const length = end + 4 + Number(/^content-length: *(\d+)/im.exec(head)?.[1] ?? 0);
  if (bytes.length < length) return undefined;
  return { request: { method, path, head, body: bytes.subarray(end + 4, length) }, length };
}

/** A normal response. */
export function answered(
  status: number,
  body: unknown,
  headers: Readonly<Record<string, string>> = { 'content-type': 'application/json' },
): RawAnswer {
  const bytes = Buffer.isBuffer(body)
    ? body
    : Buffer.from(typeof body === 'string' ? body : JSON.stringify(body));
  const lines = Object.entries({ ...headers, 'content-length': String(bytes.length) });
  const head = `HTTP/1.1 ${status} X\r\n${lines.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n`;
  return (socket) => socket.write(Buffer.concat([Buffer.from(head), bytes]));
}

const JSON_HEAD = 'HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nx-elastic-product: Elasticsearch\r\n';

/** Repeats a chunk as fast as it is read. */
function without(end: string, chunk: string | Buffer): RawAnswer {
  return (socket) => {
    socket.write(end);
    const go = (): void => {
      while (!socket.destroyed && socket.write(chunk));
      if (!socket.destroyed) socket.once('drain', go);
    };
    go();
  };
}

/** Writes byte by byte, each well before an idle timeout. */
function slowly(start: string, byte: string): RawAnswer {
  return (socket) => {
    socket.write(start);
    const timer = setInterval(() => {
      if (socket.destroyed) clearInterval(timer);
      else socket.write(byte);
    }, 20);
  };
}

/** Responses that no API server sends; none of them settles anything. */
export const HOSTILE: Readonly<Record<string, RawAnswer>> = {
  'a body without an end': without(
    `${JSON_HEAD}transfer-encoding: chunked\r\n\r\n`,
    `${MIB.toString(16)}\r\n${' '.repeat(MIB)}\r\n`,
  ),
  'headers without an end': without('HTTP/1.1 200 OK\r\n', `x-y: ${'z'.repeat(1_000)}\r\n`),
  'a body that comes byte by byte': slowly(`${JSON_HEAD}content-length: 1000000\r\n\r\n`, ' '),
  'headers that come byte by byte': slowly('HTTP/1.1 200 OK\r\nx: ', 'y'),
  'a status line that is not HTTP': (socket) => socket.write('SSH-2.0-OpenSSH_9.2\r\n'),
  'informational answers without an end': without('', 'HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\n'),
  'an end before its length': (socket) => socket.end(`${JSON_HEAD}content-length: 100\r\n\r\n{"items":[`),
  'a JSON of 100 MB': without(
    `${JSON_HEAD}content-length: 104857601\r\n\r\n[`,
    Buffer.from('{},'.repeat(MIB / 4)),
  ),
  'a length of more than a file system has': (socket) =>
    socket.write(`${JSON_HEAD}content-length: 9007199254740993000\r\n\r\n{}`),
};

/** A gigabyte from a compressed megabyte. */
export const gzipBomb = (): Buffer => {
  // Concatenated gzip members, each cheap to create.
  const member = gzipSync(Buffer.alloc(16 * MIB, ' '));
  return Buffer.concat(Array.from({ length: 64 }, () => member));
};

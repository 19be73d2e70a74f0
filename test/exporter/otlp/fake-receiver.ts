import {
  createServer,
  type Server as HttpServer,
  type IncomingMessage,
  type ServerResponse,
} from 'node:http';
import { createServer as createTlsServer, type ServerOptions } from 'node:https';
import { gunzipSync } from 'node:zlib';
import type { Series } from '../../exposition.ts';
import { asSeries } from './as-series.ts';
import { type DecodedResource, decodeRequest } from './decode-request.ts';

export interface Received {
  readonly path: string;
  readonly headers: IncomingMessage['headers'];
  readonly resources: readonly DecodedResource[];
}

/** The response to the next requests. */
export interface FakeAnswer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Buffer;
}

/** An in-memory OTLP/HTTP receiver. It keeps what it answered with 2xx. */
export class FakeReceiver {
  readonly accepted: Received[] = [];
  /** Number of all requests, including refused ones. */
  asked = 0;
  answer: FakeAnswer | ((received: Received) => FakeAnswer | 'hang') = { status: 200 };
  #server: HttpServer | undefined;
  #port = 0;
  readonly #tls: ServerOptions | undefined;

  constructor(tls?: ServerOptions) {
    this.#tls = tls;
  }

  get url(): string {
    return `http${this.#tls === undefined ? '' : 's'}://localhost:${this.#port}`;
  }

  /** Uses the previous port, if there was one. */
  async start(): Promise<void> {
    const answer = (request: IncomingMessage, response: ServerResponse): void => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => this.#answer(request, Buffer.concat(chunks), response));
    };
    const server =
      this.#tls === undefined ? createServer(answer) : (createTlsServer(this.#tls, answer) as HttpServer);
    this.#server = server;
    await new Promise<void>((resolve) => server.listen(this.#port, 'localhost', resolve));
    this.#port = (server.address() as { port: number }).port;
  }

  async stop(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    server?.closeAllConnections();
    await new Promise<void>((resolve) => (server === undefined ? resolve() : server.close(() => resolve())));
  }

  get series(): Series[] {
    return asSeries(this.accepted.flatMap(({ resources }) => resources));
  }

  #answer(request: IncomingMessage, body: Buffer, response: ServerResponse): void {
    this.asked++;
    const raw = request.headers['content-encoding'] === 'gzip' ? gunzipSync(body) : body;
    const received = { path: request.url ?? '', headers: request.headers, resources: decodeRequest(raw) };
    const answer = typeof this.answer === 'function' ? this.answer(received) : this.answer;
    if (answer === 'hang') return;
    if (answer.status < 300) this.accepted.push(received);
    response.writeHead(answer.status, answer.headers ?? {});
    response.end(answer.body);
  }
}

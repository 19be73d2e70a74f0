import {
  createServer,
  request as forward,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { gunzipSync } from 'node:zlib';

/** What happens to a bulk request. */
export type ProxyFault =
  /** Answered by the proxy; the request never reaches the server. */
  | {
      readonly kind: 'status';
      readonly status: number;
      readonly headers?: Record<string, string>;
      readonly body?: string;
    }
  | { readonly kind: 'hang' }
  | { readonly kind: 'lost request' }
  /** The server accepts all of it; the sender gets no response. */
  | { readonly kind: 'lost answer' }
  /** The server accepts the first half. */
  | { readonly kind: 'half done' }
  /** The proxy answers every n-th document with this status; the others go on to the server. */
  | { readonly kind: 'items'; readonly status: number; readonly every: number };

export interface ProxyOptions {
  readonly target: () => string;
  readonly tls?: { readonly key: string; readonly cert: string };
}

/** A proxy between virtune and a search server, with configurable faults. */
export class FaultyProxy {
  readonly #server: Server;
  readonly #options: ProxyOptions;
  bulks = 0;
  fault: (bulk: number) => ProxyFault | undefined = () => undefined;
  /** Whether requests with this header are let through. */
  accepts: (authorization: string | undefined) => boolean = () => true;
  /** Called once the server has accepted a request whose response is lost, or half of it. */
  onLost: () => Promise<void> = async () => undefined;

  private constructor(options: ProxyOptions) {
    this.#options = options;
    const listener = (request: IncomingMessage, response: ServerResponse): void => {
      this.#handle(request, response).catch(() => response.destroy());
    };
    this.#server =
      options.tls === undefined ? createServer(listener) : createTlsServer(options.tls, listener);
  }

  static async start(options: ProxyOptions): Promise<FaultyProxy> {
    const proxy = new FaultyProxy(options);
    await new Promise<void>((resolve) => proxy.#server.listen(0, '127.0.0.1', resolve));
    return proxy;
  }

  get url(): string {
    const { port } = this.#server.address() as { port: number };
    return `${this.#options.tls === undefined ? 'http' : 'https'}://127.0.0.1:${port}`;
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const raw = Buffer.concat(chunks);
    const body = request.headers['content-encoding'] === 'gzip' ? gunzipSync(raw) : raw;
    if (!this.accepts(request.headers.authorization)) {
      response.writeHead(401, { 'content-type': 'application/json', 'www-authenticate': 'ApiKey' });
      response.end(REVOKED);
      return;
    }
    const fault = request.url?.startsWith('/_bulk') === true ? this.fault(this.bulks++) : undefined;
    switch (fault?.kind) {
      case undefined:
        return this.#answer(response, await this.#forward(request, body));
      case 'status':
        response.writeHead(fault.status, { 'content-type': 'application/json', ...fault.headers });
        response.end(fault.body ?? '{"error":{"type":"fault","reason":"made up"}}');
        return;
      case 'hang':
        return;
      case 'lost request':
        response.destroy();
        return;
      case 'lost answer':
        await this.#forward(request, body);
        await this.onLost();
        response.destroy();
        return;
      case 'half done': {
        const lines = body.toString().split('\n');
        const half = 2 * Math.ceil((lines.length - 1) / 4);
        await this.#forward(request, Buffer.from(`${lines.slice(0, half).join('\n')}\n`));
        await this.onLost();
        response.destroy();
        return;
      }
      case 'items':
        return this.#some(request, response, body, fault);
    }
  }

  async #some(
    request: IncomingMessage,
    response: ServerResponse,
    body: Buffer,
    { status, every }: { status: number; every: number },
  ): Promise<void> {
    const lines = body.toString().split('\n');
    const documents = Math.floor(lines.length / 2);
    const isRefused = (place: number): boolean => place % every === 0;
    const kept = Array.from({ length: documents }, (_, place) => place).filter((place) => !isRefused(place));
    let items: unknown[] = [];
    if (kept.length > 0) {
      const text = kept.map((place) => `${lines[place * 2]}\n${lines[place * 2 + 1]}\n`).join('');
      const answer = await this.#forward(request, Buffer.from(text));
      if (answer.status !== 200) return this.#answer(response, answer);
      items = (JSON.parse(answer.body.toString()) as { items: unknown[] }).items;
    }
    const merged = Array.from({ length: documents }, (_, place) =>
      isRefused(place) ? { create: { status, error: { type: 'fault', reason: 'made up' } } } : items.shift(),
    );
    response.writeHead(200, { 'content-type': 'application/json', 'x-elastic-product': 'Elasticsearch' });
    response.end(JSON.stringify({ items: merged }));
  }

  #answer(response: ServerResponse, { status, headers, body }: Answer): void {
    const { 'content-length': _length, 'transfer-encoding': _encoding, ...rest } = headers;
    response.writeHead(status, rest);
    response.end(body);
  }

  #forward(request: IncomingMessage, body: Buffer): Promise<Answer> {
    const {
      'content-encoding': _encoding,
      'content-length': _length,
      'accept-encoding': _accept,
      host: _host,
      ...headers
    } = request.headers;
    return new Promise((resolve, reject) => {
      const onward = forward(
        `${this.#options.target()}${request.url}`,
        { method: request.method ?? 'GET', headers: { ...headers, 'content-length': String(body.length) } },
        (answer) => {
          const chunks: Buffer[] = [];
          answer.on('data', (chunk: Buffer) => chunks.push(chunk));
          answer.on('error', reject);
          answer.on('end', () =>
            resolve({ status: answer.statusCode ?? 0, headers: answer.headers, body: Buffer.concat(chunks) }),
          );
        },
      );
      onward.on('error', reject);
      onward.end(body);
    });
  }
}

/** As Elasticsearch 8 answers an invalidated key (x-pack, ApiKeyService). */
const REVOKED = JSON.stringify({
  error: {
    root_cause: [
      {
        type: 'security_exception',
        reason:
          'unable to authenticate with provided credentials and anonymous access is not allowed for this request',
      },
    ],
    type: 'security_exception',
    reason:
      'unable to authenticate with provided credentials and anonymous access is not allowed for this request',
  },
  status: 401,
});

interface Answer {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly body: Buffer;
}

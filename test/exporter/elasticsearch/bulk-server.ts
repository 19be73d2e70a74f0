import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gunzipSync } from 'node:zlib';
import { OWN_TEMPLATES } from './own-templates.ts';

export interface BulkServer {
  readonly url: string;
  /** Bodies of accepted documents in order, including duplicates. */
  readonly documents: string[];
  /** Number of bulk requests. */
  asked: number;
  /** Leaves bulk requests unanswered while set. */
  hang: boolean;
  stop(): void;
}

/** The part of Elasticsearch that a sender uses, over HTTP. It accepts every document. */
export async function startBulkServer(): Promise<BulkServer> {
  const documents: string[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const send = (body: unknown): void => {
        response.writeHead(200, { 'content-type': 'application/json', 'x-elastic-product': 'Elasticsearch' });
        response.end(JSON.stringify(body));
      };
      if (request.url === '/') return send({ version: { number: '9.1.0' } });
      if (request.method === 'GET') return send({ index_templates: OWN_TEMPLATES });
      state.asked++;
      if (state.hang) return;
      const bodies = gunzipSync(Buffer.concat(chunks))
        .toString()
        .split('\n')
        .filter((_line, at) => at % 2 === 1);
      documents.push(...bodies);
      send({ items: bodies.map(() => ({ create: { status: 201 } })) });
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const state: BulkServer = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    documents,
    asked: 0,
    hang: false,
    stop: () => {
      server.closeAllConnections();
      server.close();
    },
  };
  return state;
}

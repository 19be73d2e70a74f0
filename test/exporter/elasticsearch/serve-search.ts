import { createServer } from 'node:http';
import { gunzipSync } from 'node:zlib';
import type { SearchRequest } from '../../../exporter/elasticsearch/client.ts';
import type { FakeSearch } from './fake-search.ts';

/** Serves the in-memory server over HTTP, for commands that run as a process. */
export async function serveSearch(search: FakeSearch): Promise<{ readonly url: string; stop(): void }> {
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const raw = Buffer.concat(chunks);
    const text = (request.headers['content-encoding'] === 'gzip' ? gunzipSync(raw) : raw).toString();
    const { pathname } = new URL(request.url ?? '/', 'http://localhost');
    const isLines = request.headers['content-type'] === 'application/x-ndjson';
    const asked: SearchRequest = {
      method: request.method as SearchRequest['method'],
      path: pathname,
      ...(isLines ? { lines: text } : text === '' ? {} : { body: JSON.parse(text) }),
    };
    const { status, headers, body } = await search.request(asked);
    response.writeHead(status, { 'content-type': 'application/json', ...headers });
    response.end(JSON.stringify(body ?? null));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  return {
    url: `http://127.0.0.1:${port}`,
    stop: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}

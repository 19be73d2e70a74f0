import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

/** Serves a text as metrics, as node_exporter serves what is in its textfile folder. */
export async function serveMetrics(text: () => string): Promise<{ target: string; close(): Promise<void> }> {
  const server = createServer((_request, response) => {
    response.setHeader('content-type', 'text/plain; version=0.0.4');
    response.end(text());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    target: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () => new Promise((resolve) => server.close(() => resolve())),
  };
}

import { createServer, type Server } from 'node:http';
import { gunzipSync, gzipSync } from 'node:zlib';
import { afterEach, expect, test } from 'vitest';
import { openOtlpClient } from '../../../exporter/otlp/otlp-client.ts';
import { receiverSettings } from '../../../exporter/otlp/settings.ts';

let server: Server | undefined;
afterEach(() => {
  server?.closeAllConnections();
  server?.close();
  server = undefined;
});

/** @param onRequest answers, or does something else */
async function serve(
  onRequest: (
    count: number,
    body: Buffer,
    respond: (status: number, text?: string) => void,
    cut: () => void,
  ) => void,
): Promise<string> {
  let count = 0;
  server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () =>
      onRequest(
        ++count,
        Buffer.concat(chunks),
        (status, text = '') => response.writeHead(status).end(text),
        () => request.socket.resetAndDestroy(),
      ),
    );
  });
  await new Promise<void>((resolve) => server?.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(server.address() as { port: number }).port}`;
}

const BODY = gzipSync('request');
const never = new AbortController().signal;

test('a connection that the server closed while it was idle is replaced without a failure', async () => {
  const url = await serve((count, _body, respond, cut) => (count === 2 ? cut() : respond(200)));
  const client = openOtlpClient(await receiverSettings({ endpoint: url }), '1');
  await client.post(BODY, never);
  await expect(client.post(BODY, never)).resolves.toMatchObject({ status: 200 });
  client.close();
});

test('a new connection that breaks is a failure: the receiver may have got the request', async () => {
  const url = await serve((_count, _body, _respond, cut) => cut());
  const client = openOtlpClient(await receiverSettings({ endpoint: url }), '1');
  await expect(client.post(BODY, never)).rejects.toMatchObject({ code: 'OTLP_NO_ANSWER' });
  client.close();
});

test('a receiver that does not answer in time is a failure', async () => {
  const url = await serve(() => undefined);
  const client = openOtlpClient({ ...(await receiverSettings({ endpoint: url })), timeoutMs: 50 }, '1');
  await expect(client.post(BODY, never)).rejects.toMatchObject({
    code: 'OTLP_NO_ANSWER',
    message: expect.stringContaining('timeout'),
  });
  client.close();
});

test('an address without a receiver, and a server without TLS, have separate codes', async () => {
  const gone = openOtlpClient(await receiverSettings({ endpoint: 'http://127.0.0.1:9' }), '1');
  await expect(gone.post(BODY, never)).rejects.toMatchObject({ code: 'OTLP_UNREACHABLE' });
  const url = await serve((_count, _body, respond) => respond(200));
  const tls = openOtlpClient(await receiverSettings({ endpoint: url.replace('http:', 'https:') }), '1');
  await expect(tls.post(BODY, never)).rejects.toMatchObject({
    code: 'OTLP_CERTIFICATE',
    message: expect.stringContaining('the receiver does not use TLS on this port'),
  });
});

test('without compression the request goes out as it is, and an answer that is too long is a failure', async () => {
  let got: Buffer | undefined;
  const url = await serve((count, body, respond) => {
    got = body;
    respond(200, count === 2 ? 'x'.repeat(2_000_000) : '');
  });
  const client = openOtlpClient(await receiverSettings({ endpoint: url, compress: false }), '1');
  await client.post(BODY, never);
  expect(got).toEqual(gunzipSync(BODY));
  await expect(client.post(BODY, never)).rejects.toMatchObject({
    message: expect.stringContaining('too long'),
  });
  client.close();
});

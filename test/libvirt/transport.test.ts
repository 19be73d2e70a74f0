import { once } from 'node:events';
import { createConnection, createServer } from 'node:net';
import { expect, test } from 'vitest';
import { streamTransport } from '../../libvirt/transport/transport.ts';
import { temporarySocket } from '../sampler/temporary-socket.ts';

test('closing does not wait for a daemon that never closes its side', async () => {
  const socket = temporarySocket();
  // Keeps its end half open, as a stopped daemon does.
  const server = createServer({ allowHalfOpen: true }, (peer) => peer.resume()).listen({ path: socket.path });
  await once(server, 'listening');
  const stream = createConnection({ path: socket.path });
  const transport = streamTransport(stream, { description: 'a stuck daemon', isConfidential: true });
  const closed = new Promise<Error | undefined>((resolve) =>
    transport.start({ data: () => undefined, closed: resolve }),
  );
  transport.end();
  expect(await closed).toBeUndefined();
  server.close();
  socket.remove();
});

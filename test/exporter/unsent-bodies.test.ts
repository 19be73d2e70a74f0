import { connect, type Socket } from 'node:net';
import { expect, test, vi } from 'vitest';
import { serve } from '../../exporter/http/server.ts';
import { UnsentBodies, type UnsentBody } from '../../exporter/http/unsent-bodies.ts';
import { CLOSED } from './health.ts';

/** Clients that receive responses, by name: `cut` lists those whose connection was closed. */
function clients(bodies: UnsentBodies) {
  const cut: string[] = [];
  /** @param connection shared with other bodies, which are closed with it */
  const add = (
    name: string,
    client: string,
    bytes: number,
    {
      memory = {},
      connection = { isOpen: true },
    }: { memory?: object; connection?: { isOpen: boolean } } = {},
  ): (() => void) => {
    const body: UnsentBody = {
      client,
      memory,
      bytes,
      isOpen: () => connection.isOpen,
      disconnect: () => {
        connection.isOpen = false;
        cut.push(name);
      },
    };
    return bodies.add(body);
  };
  return { cut, add };
}

test('above the limit, the client that holds most loses its oldest answers, and others none', () => {
  const bodies = new UnsentBodies(100);
  const { cut, add } = clients(bodies);
  add('other 1', '10.0.0.1', 20);
  for (const n of [1, 2, 3, 4, 5, 6]) add(`reads nothing ${n}`, '10.0.0.2', 20);
  expect(cut).toEqual(['reads nothing 1', 'reads nothing 2']);
  add('other 2', '10.0.0.3', 20);
  expect(cut.at(-1)).toBe('reads nothing 3');
  expect(bodies.bytes).toBe(100);
});

test('answers that were taken, or whose connection is gone, do not count', () => {
  const bodies = new UnsentBodies(100);
  const { cut, add } = clients(bodies);
  const gone = { isOpen: true };
  add('gone', '10.0.0.1', 40, { connection: gone });
  const taken = add('taken', '10.0.0.1', 40);
  taken();
  gone.isOpen = false;
  add('a', '10.0.0.1', 40);
  add('b', '10.0.0.1', 40);
  expect([cut, bodies.bytes]).toEqual([[], 80]);
});

test('a body that several clients get at once counts once', () => {
  const bodies = new UnsentBodies(100);
  const { cut, add } = clients(bodies);
  const memory = {};
  for (let n = 0; n < 40; n++) add(`shared ${n}`, `10.0.0.${n}`, 40, { memory });
  expect([cut, bodies.bytes]).toEqual([[], 40]);
  add('a', '10.0.1.1', 40);
  add('b', '10.0.1.1', 40);
  expect(cut).toEqual(['a']);
});

test('there is always room for two answers of the largest host, and the newest answer keeps its connection', () => {
  const bodies = new UnsentBodies(100);
  const { cut, add } = clients(bodies);
  add('one', '10.0.0.1', 1_000);
  add('two', '10.0.0.2', 1_000);
  expect(cut).toEqual([]);
  add('three', '10.0.0.3', 1_000);
  expect(cut).toEqual(['one']);
  add('four', '10.0.0.3', 900);
  expect(cut).toEqual(['one', 'three']);
});

test('answers that wait on one connection end together, and no other one is ended for what they held', () => {
  const bodies = new UnsentBodies(100);
  const { cut, add } = clients(bodies);
  const connection = { isOpen: true };
  add('other', '10.0.0.1', 30);
  for (const n of [1, 2, 3]) add(`pipelined ${n}`, '10.0.0.2', 30, { connection });
  expect(cut).toEqual(['pipelined 1']);
  expect(bodies.bytes).toBe(30);
});

test('a client that asks again and again and never reads holds a few answers, and another one gets its own', async () => {
  const SIZE = 12 * 1024 * 1024;
  let made = 0;
  const server = await serve(
    {
      local: {
        scrapes: {
          scrape: async () => {
            made++;
            return { contentType: 'text/plain', bytes: Buffer.alloc(SIZE, 'x'), gzipped: false };
          },
        },
        health: () => CLOSED,
        onFailure: () => undefined,
      },
      process: { text: async () => '' },
      version: 'x',
      onError: (error) => expect.fail(error.message),
    },
    { host: '127.0.0.1', port: 0 },
  );
  const sockets: Socket[] = [];
  try {
    for (let asked = 1; asked <= 8; asked++) {
      const socket = connect(Number(new URL(server.url).port), '127.0.0.1');
      socket.on('error', () => undefined);
      socket.write('GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n');
      sockets.push(socket);
      await vi.waitFor(() => expect(made).toBe(asked), { timeout: 20_000, interval: 5 });
    }
    const body = await (await fetch(`${server.url}/metrics`)).arrayBuffer();
    expect(body.byteLength).toBe(SIZE);
    const got = await Promise.all(
      sockets.map((socket) => {
        let bytes = 0;
        socket.on('data', (chunk) => {
          bytes += chunk.length;
        });
        return new Promise<number>((resolve) => socket.once('close', () => resolve(bytes)));
      }),
    );
    const whole = got.filter((bytes) => bytes > SIZE).length;
    // 32 MiB in total, of which the other client had a share.
    expect([got[0] === undefined || got[0] < SIZE, whole <= 2]).toEqual([true, true]);
  } finally {
    for (const socket of sockets) socket.destroy();
    await server.close();
  }
}, 60_000);

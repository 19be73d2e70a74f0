import { createServer, type Server, type Socket } from 'node:net';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { connect } from '../../libvirt/client/connect.ts';
import { encodeFrame, Program } from '../../libvirt/wire/frame.ts';
import { SAMPLER_FRAME_MAX_BYTES } from '../../sampler/frame-limit.ts';
import { Sampler } from '../../sampler/sampler.ts';
import { startDemo } from '../../simulator/demo.ts';
import { type TemporarySocket, temporarySocket } from './temporary-socket.ts';

/* What a libvirtd sends that was taken over: the process that asks it asks others too. */

let socket: TemporarySocket;
let server: Server;
const sockets = new Set<Socket>();
const timers = new Set<NodeJS.Timeout>();
beforeEach(() => {
  socket = temporarySocket();
});
afterEach(async () => {
  for (const timer of timers) clearInterval(timer);
  for (const each of sockets) each.destroy();
  await new Promise((resolve) => server.close(resolve));
  socket.remove();
});

const reply = (serial: number, procedure: number, status = 0): Buffer =>
  encodeFrame({ program: Program.remote, version: 1, procedure, type: 1, serial, status });
const PING = encodeFrame({
  program: Program.keepalive,
  version: 1,
  procedure: 1,
  type: 2,
  serial: 0,
  status: 0,
});
const announced = (bytes: number): Buffer => {
  const head = Buffer.alloc(28);
  head.writeUInt32BE(bytes, 0);
  return head;
};

/** Sends these repeatedly, as fast as they are read or at this interval in ms. */
function forEver(to: Socket, bytes: Buffer, everyMs?: number): void {
  if (everyMs !== undefined) {
    const timer = setInterval(() => to.writable && to.write(bytes), everyMs);
    timers.add(timer);
    return;
  }
  const more = (): void => {
    if (!to.destroyed && to.write(bytes)) setImmediate(more);
  };
  to.on('drain', more);
  more();
}

const DAEMONS: Readonly<Record<string, (to: Socket) => void>> = {
  'says nothing': () => undefined,
  'sends a reply byte by byte that never ends': (to) => {
    to.write(announced(4_000_000));
    forEver(to, Buffer.alloc(1), 5);
  },
  'sends pings without end and reads nothing': (to) => {
    to.pause();
    forEver(to, Buffer.concat(Array.from({ length: 500 }, () => PING)));
  },
  'answers calls that were not made': (to) => forEver(to, reply(4_000_000_000, 1)),
  'answers each call with another procedure': (to) => {
    to.on('data', (chunk: Buffer) => to.writable && to.write(reply(chunk.readUInt32BE(20), 9)));
  },
  'answers each call with an error that is not one': (to) => {
    to.on(
      'data',
      (chunk: Buffer) => to.writable && to.write(reply(chunk.readUInt32BE(20), chunk.readUInt32BE(12), 1)),
    );
  },
  'announces more than a sampler takes': (to) => forEver(to, announced(SAMPLER_FRAME_MAX_BYTES + 1)),
  'sends random bytes': (to) => forEver(to, Buffer.from('8d3fa1c0b7'.repeat(1_000), 'hex')),
  'closes each connection': (to) => {
    to.destroy();
  },
};

test.each(Object.entries(DAEMONS))(
  'a daemon that %s costs its own sample, and another host none of its VMs',
  async (_, behave) => {
    server = createServer((to) => {
      sockets.add(to);
      to.on('error', () => undefined);
      behave(to);
    });
    await new Promise<void>((resolve) => server.listen(socket.path, resolve));
    const demo = await startDemo({ vms: 8 });
    const samplerOf = (uri: string): Sampler =>
      new Sampler({
        open: (signal) => connect(uri, { signal, maxFrameBytes: SAMPLER_FRAME_MAX_BYTES }),
        domainDeadlineMs: 150,
        tickDeadlineMs: 600,
      });
    const hostile = samplerOf(`qemu:///system?socket=${socket.path}`);
    const other = samplerOf(demo.uri);
    try {
      for (let tick = 0; tick < 3; tick++) {
        await expect(hostile.sample()).rejects.toMatchObject({ code: expect.stringMatching(/^LIBVIRT_/) });
        await vi.waitFor(
          async () => {
            const { domains } = await other.sample();
            expect(domains.filter(({ outcome }) => outcome.kind === 'fresh')).toHaveLength(8);
          },
          { timeout: 20_000, interval: 50 },
        );
      }
    } finally {
      await Promise.all([hostile.close(), other.close()]);
      await demo.stop();
    }
  },
);

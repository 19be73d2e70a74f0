import { once } from 'node:events';
import { createConnection } from 'node:net';
import { expect, test } from 'vitest';
import { calls } from '../../libvirt/calls/all.ts';
import { encodeFrame, type Frame, FrameSplitter, Program } from '../../libvirt/wire/frame.ts';
import type { XdrWriter } from '../../libvirt/wire/xdr.ts';
import { SimulatedDaemon } from '../../simulator/daemon.ts';
import { findScenario } from '../../simulator/demo.ts';
import { SimulatedHost } from '../../simulator/host.ts';
import { temporarySocket } from '../sampler/temporary-socket.ts';

test('a name with a NUL in it, which our client never sends, is answered with an error', async () => {
  const { path, remove } = temporarySocket();
  const daemon = new SimulatedDaemon(new SimulatedHost(findScenario('calm')));
  await daemon.listen({ path });
  const socket = createConnection({ path });
  await once(socket, 'connect');
  const splitter = new FrameSplitter();
  const ask = (procedure: number, write?: (writer: XdrWriter) => void): Promise<Frame> =>
    new Promise((resolve) => {
      socket.once('data', (chunk) => splitter.push(chunk, resolve));
      socket.write(
        encodeFrame({ program: Program.remote, version: 1, procedure, type: 0, serial: 1, status: 0 }, write),
      );
    });
  await ask(calls.authList.proc);
  await ask(calls.connectOpen.proc, (writer) =>
    calls.connectOpen.args.write(writer, { name: 'qemu:///system', flags: 1 }),
  );
  // On the wire a string is an opaque: its writer lets the NUL through.
  const reply = await ask(calls.domainLookupByName.proc, (writer) => writer.opaque(Buffer.from('a\0b'), 16));
  expect(reply.header.status).toBe(1);
  socket.destroy();
  await daemon.stop();
  remove();
});

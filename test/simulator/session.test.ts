import { once } from 'node:events';
import { createConnection } from 'node:net';
import { expect, test } from 'vitest';
import { calls } from '../../libvirt/calls/all.ts';
import { connect } from '../../libvirt/client/connect.ts';
import { encodeFrame, type Frame, FrameSplitter, Program } from '../../libvirt/wire/frame.ts';
import type { XdrWriter } from '../../libvirt/wire/xdr.ts';
import { SimulatedDaemon } from '../../simulator/daemon.ts';
import { findScenario, startDemo } from '../../simulator/demo.ts';
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
  // On the wire a string is opaque data, whose writer accepts NUL.
  const reply = await ask(calls.domainLookupByName.proc, (writer) => writer.opaque(Buffer.from('a\0b'), 16));
  expect(reply.header.status).toBe(1);
  socket.destroy();
  await daemon.stop();
  remove();
});

test('callbacks of domains and of pools are numbered separately, and each listener gets its own events', async () => {
  const demo = await startDemo();
  const connection = await connect(demo.uri);
  const { domain } = demo.daemon.vm('web-01');
  const seen: string[] = [];
  const stop = await connection.on('lifecycle', ({ domain: { name } }) => seen.push(name));
  await connection.on('poolRefresh', ({ pool: { name } }) => seen.push(name));
  const emitted = async (): Promise<string[]> => {
    demo.daemon.emit('lifecycle', { domain, event: 2, detail: 0 });
    demo.daemon.emit('poolRefresh', { pool: { name: 'images', uuid: domain.uuid } });
    // Its reply arrives after the events.
    await connection.call('connectGetLibVersion', undefined);
    return seen.splice(0);
  };
  expect(await emitted()).toEqual(['web-01', 'images']);
  await stop();
  expect(await emitted()).toEqual(['images']);
  await connection.close();
  await demo.stop();
});

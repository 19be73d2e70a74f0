import { afterAll, beforeAll, expect, test } from 'vitest';
import { type CallName, calls } from '../../libvirt/calls/all.ts';
import { connect } from '../../libvirt/client/connect.ts';
import type { Connection } from '../../libvirt/client/connection.ts';
import { GUEST_AGENT_CALLS } from '../../libvirt/client/guest-agent.ts';
import { READ_ONLY_CALLS } from '../../libvirt/client/read-only.ts';
import { ErrorCode, GuestInfoType } from '../../libvirt/constants.ts';
import { SimulatedDaemon } from '../../simulator/daemon.ts';
import { findScenario } from '../../simulator/demo.ts';
import { SimulatedHost } from '../../simulator/host.ts';
import { type TemporarySocket, temporarySocket } from '../sampler/temporary-socket.ts';

let socket: TemporarySocket;
let daemon: SimulatedDaemon;
let connection: Connection;
const sent: CallName[] = [];
beforeAll(async () => {
  socket = temporarySocket();
  daemon = new SimulatedDaemon(new SimulatedHost(findScenario('calm')), {
    onCall: (name) => sent.push(name),
  });
  await daemon.listen({ path: socket.path });
  connection = await connect(`qemu:///system?socket=${socket.path}`, { guestAgentOnly: true });
});
afterAll(async () => {
  await connection.close();
  await daemon.stop();
  socket.remove();
});

const guestInfo = (name: string) =>
  connection.call('domainGetGuestInfo', {
    domain: daemon.vm(name).domain,
    types: GuestInfoType.filesystem,
    flags: 0,
  });

test('a connection for guest agents is a writable one that asks them', async () => {
  expect(connection.readOnly).toBe(false);
  const { params } = await guestInfo('web-01');
  expect(params.map(({ field }) => field)).toContain('fs.0.used-bytes');
  await expect(guestInfo('batch-01')).rejects.toMatchObject({
    libvirtCode: ErrorCode.argumentUnsupported,
  });
});

test('the client lets it send nothing else, whatever the daemon would let through', async () => {
  sent.length = 0;
  const refused = (Object.keys(calls) as CallName[]).filter((name) => !GUEST_AGENT_CALLS.has(name));
  for (const name of refused) {
    await expect(connection.call(name, {} as never)).rejects.toMatchObject({
      code: 'LIBVIRT_CALL_NOT_ALLOWED',
    });
  }
  expect(sent).toEqual([]);
  expect(refused).toEqual(
    expect.arrayContaining(['domainDestroyFlags', 'qemuAgentCommand', 'domainAgentSetResponseTimeout']),
  );
});

test('asking an agent is the one thing that it may and a read-only connection may not', () => {
  const more = [...GUEST_AGENT_CALLS].filter((name) => !READ_ONLY_CALLS.has(name));
  expect(more).toEqual(['domainGetGuestInfo']);
});

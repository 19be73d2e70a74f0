import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, expect, test } from 'vitest';
import { Planner } from '../../cli/advise/planner.ts';
import { SimulatedDaemon } from '../../simulator/daemon.ts';
import { findScenario } from '../../simulator/demo.ts';
import { SimulatedHost } from '../../simulator/host.ts';
import type { AuthMode } from '../../simulator/session.ts';
import { type TemporarySocket, temporarySocket } from '../sampler/temporary-socket.ts';

let daemon: SimulatedDaemon;
let socket: TemporarySocket;
const folder = mkdtempSync(join(tmpdir(), 'virtune-planner-'));
afterEach(async () => {
  await daemon.stop();
  socket.remove();
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** A simulated host, and the planner's URI for it. */
async function hostWith(
  auth: AuthMode = { kind: 'none' },
): Promise<{ uri: string; vm: { uuid: string; name: string } }> {
  socket = temporarySocket();
  daemon = new SimulatedDaemon(new SimulatedHost(findScenario('calm')), { auth });
  await daemon.listen({ path: socket.path });
  const [vm] = daemon.host.vms;
  if (vm === undefined) expect.unreachable();
  return { uri: `qemu:///system?socket=${socket.path}`, vm: { uuid: vm.uuid, name: vm.name } };
}

test('a VM whose definition libvirt does not give leaves other advice as it is: the profile has a reason', async () => {
  const { uri, vm } = await hostWith();
  daemon.faults.hold('domainGetXmlDesc');
  const planner = new Planner(uri, { profiles: [], timeout: 1 });
  const reason = await planner.refusal({ name: 'balanced', vms: [vm] });
  daemon.faults.release('domainGetXmlDesc');
  expect(reason).toMatch(/^its plan cannot be made: .*domainGetXmlDesc/);
});

test('a host that asks for a password is planned for with the credentials of the observation', async () => {
  const account = { username: 'virtune', password: 'secret' };
  const { uri, vm } = await hostWith({ kind: 'sasl', mechanisms: ['SCRAM-SHA-256'], account });
  const refusal = (flags: object) =>
    new Planner(uri, { profiles: [], ...flags }).refusal({ name: 'balanced', vms: [vm] });
  expect(await refusal({})).toMatch(/^its plan cannot be made: /);
  const saslPasswordFile = join(folder, 'password');
  writeFileSync(saslPasswordFile, 'secret\n');
  const asked = await refusal({ saslUsername: 'virtune', saslPasswordFile });
  expect(asked ?? '').not.toContain('its plan cannot be made');
});

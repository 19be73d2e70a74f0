import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { connect } from '../../libvirt/client/connect.ts';
import { XmlFlag } from '../../libvirt/constants.ts';
import { findScenario } from '../../simulator/demo.ts';
import { SimulatedHost } from '../../simulator/host.ts';
import { DEFAULT_RELEASE, RELEASE_NAMES, releaseOf } from '../../simulator/release.ts';
import { versionsOf } from '../contract/expected.ts';
import { tuningContract } from '../contract/tuning/contract.ts';
import { LAB_DIR } from './lab/paths.ts';
import { run } from './lab/run.ts';

const IMAGE = join(LAB_DIR, 'throwaway.img');
beforeAll(() => {
  run('qemu-img', ['create', '-q', '-f', 'raw', IMAGE, '16M']);
});
afterAll(() => rmSync(IMAGE, { force: true }));

tuningContract('a real libvirtd with QEMU', () => ({
  open: () => connect('qemu:///system', { readOnly: false }),
  domainType: 'qemu',
  image: IMAGE,
  bridge: 'virbr0',
}));

test('libvirt returns each definition of the simulator unchanged, to the byte', async () => {
  const connection = await connect('qemu:///system', { readOnly: false });
  const { libvirt } = await versionsOf(connection);
  const releases = RELEASE_NAMES.map(releaseOf).filter((release) => release.libvirt <= libvirt);
  const release = releases.at(-1) ?? DEFAULT_RELEASE;
  for (const vm of new SimulatedHost(findScenario('calm'), { release }).vms) {
    // The lab lacks swtpm, without which libvirt rejects an emulated TPM.
    const xml = vm.xml({ inactive: true, secure: true }).replace(/ {4}<tpm [\s\S]*?<\/tpm>\n/, '');
    const { domain } = await connection.call('domainDefineXmlFlags', { xml, flags: 1 });
    const flags = XmlFlag.inactive | XmlFlag.secure;
    const given = await connection.call('domainGetXmlDesc', { domain, flags });
    await connection.call('domainUndefineFlags', { domain, flags: 0 });
    expect(given.xml).toBe(xml);
  }
  await connection.close();
});

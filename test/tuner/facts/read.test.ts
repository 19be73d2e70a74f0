import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { connect } from '../../../libvirt/client/connect.ts';
import type { Connection } from '../../../libvirt/client/connection.ts';
import { type Demo, startDemo } from '../../../simulator/demo.ts';
import { parseDomainCapabilities } from '../../../tuner/facts/domain-capabilities.ts';
import { readDomain, readDomains } from '../../../tuner/facts/read-domains.ts';
import { readHost } from '../../../tuner/facts/read-host.ts';
import { kernelTree } from './tree.ts';

let demo: Demo;
let writer: Connection;
beforeAll(async () => {
  demo = await startDemo();
  writer = await connect(demo.uri, { readOnly: false });
});
afterAll(async () => {
  await writer.close();
  await demo.stop();
});

const lab = readFileSync(join(import.meta.dirname, '../../fixtures/domain-capabilities-lab.xml'), 'utf8');

test('a host is read: versions, topology, cells with their pools, KSM', async () => {
  const host = await readHost(writer, demo.uri, undefined);
  expect(host).toMatchObject({ libvirtVersion: 9_000_000, qemuVersion: 7_002_000, local: undefined });
  expect(host.online.toString()).toBe('0-31');
  expect(host.cells.map(({ id }) => id)).toEqual([0, 1]);
  // All 2 MiB pages of cell 0 are used by the databases that run there.
  expect(host.cells[0]?.pages).toContainEqual({ sizeKiB: 2_048, total: 16_384, free: 0 });
  expect(host.cells[0]?.pages).toContainEqual({ sizeKiB: 1_048_576, total: 8, free: 8 });
  expect(host.cells[0]?.freeKiB).toBeGreaterThan(0);
  expect(host.ksm.get('pages_to_scan')).toBe(100);
});

test('where virtune runs on the host, figures of the kernel are read too', async () => {
  const tree = kernelTree({ 'proc/sys/vm/swappiness': '7\n' });
  const { local, topology } = await readHost(writer, demo.uri, tree);
  tree.remove();
  expect(local?.swappiness).toBe(7);
  // Here libvirt reports the caches itself.
  expect(topology.caches).toHaveLength(2);
});

test('a domain is read as it runs and as it boots, with its secrets over a writable connection', async () => {
  const states = await readDomains(writer);
  expect(states).toHaveLength(demo.daemon.host.vms.length);
  const windows = states.find(({ domain }) => domain.name === 'win-app01');
  expect(windows?.live?.xml).toContain("<target dev='vnet");
  expect(windows?.inactive?.xml).toContain("passwd='wintermt'");
  expect(windows?.inactive?.facts.disks[0]).toMatchObject({ target: 'sda', bus: 'sata' });
  expect(states.find(({ domain }) => domain.name === 'template-debian')?.live).toBeUndefined();
});

test('a read-only connection sees the same without secrets', async () => {
  const reader = await connect(demo.uri, { readOnly: true });
  const state = await readDomain(reader, demo.daemon.vm('win-app01').domain);
  await reader.close();
  expect(state?.inactive?.xml).toContain("<graphics type='vnc'");
  expect(state?.inactive?.xml).not.toContain('wintermt');
});

test('what a machine offers is asked once for all that are alike, and absent where libvirt does not know', async () => {
  const calls: string[] = [];
  const observed = await connect(demo.uri, { readOnly: true, observe: (name) => calls.push(name) });
  const states = await readDomains(observed);
  expect(calls.filter((name) => name === 'connectGetDomainCapabilities')).toHaveLength(1);
  expect(states.every(({ capabilities }) => capabilities?.hyperv.has('synic'))).toBe(true);
  await observed.close();
});

test('a transient domain has no definition, and one that is gone is none', async () => {
  const vm = demo.daemon.vm('bastion');
  await writer.call('domainUndefineFlags', { domain: vm.domain, flags: 0 });
  expect((await readDomain(writer, vm.domain))?.inactive).toBeUndefined();
  const { domain } = vm;
  await writer.call('domainDestroyFlags', { domain, flags: 0 });
  expect(await readDomain(writer, domain)).toBeUndefined();
});

test('domain capabilities of a real host: what is listed is supported, and nothing else', () => {
  expect(parseDomainCapabilities(lab)).toEqual({
    vcpusMaximum: 288,
    ioThreads: true,
    cpuModes: new Set(['host-passthrough', 'maximum', 'host-model', 'custom']),
    diskBuses: new Set(['fdc', 'scsi', 'virtio', 'usb', 'sata']),
    hyperv: new Set(['spinlocks', 'vendor_id']),
  });
});

test('what is not supported is not offered, even if values are listed below it', () => {
  const xml = `<domainCapabilities><iothreads supported='no'/><features>
    <hyperv supported='no'><enum name='features'><value>relaxed</value></enum></hyperv></features></domainCapabilities>`;
  expect(parseDomainCapabilities(xml)).toMatchObject({
    ioThreads: false,
    hyperv: new Set(),
    vcpusMaximum: undefined,
  });
  expect(() => parseDomainCapabilities('<foo/>')).toThrow(/domainCapabilities/);
});

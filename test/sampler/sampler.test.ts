import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { CallName } from '../../libvirt/calls/all.ts';
import { connect } from '../../libvirt/client/connect.ts';
import { LifecycleEvent, ShutoffReason, StoppedDetail } from '../../libvirt/constants.ts';
import { child } from '../../model/xml.ts';
import type { DomainSample, HostSample } from '../../sampler/host-sample.ts';
import type { SamplerOptions } from '../../sampler/parts.ts';
import { Sampler } from '../../sampler/sampler.ts';
import { SimulatedDaemon } from '../../simulator/daemon.ts';
import { findScenario } from '../../simulator/demo.ts';
import { SimulatedHost, type SimulatedHostOptions } from '../../simulator/host.ts';
import { releaseOf } from '../../simulator/release.ts';
import { withVmCount } from '../../simulator/scenario.ts';
import { type TemporarySocket, temporarySocket } from './temporary-socket.ts';

let socket: TemporarySocket;
let daemon: SimulatedDaemon;
let sampler: Sampler;
let calls: CallName[];
let onCall: () => void;
/** Closes every connection once, after this many further calls. */
const cutAfter = (count: number): void => {
  let left = count;
  onCall = () => {
    left--;
    if (left === 0) daemon.cutConnections();
  };
};

async function start(
  vms: number,
  options: Partial<SamplerOptions> = {},
  hostOptions: SimulatedHostOptions = {},
): Promise<void> {
  calls = [];
  onCall = () => undefined;
  daemon = new SimulatedDaemon(new SimulatedHost(withVmCount(findScenario('calm'), vms), hostOptions), {
    onCall: (name) => {
      calls.push(name);
      onCall();
    },
  });
  await daemon.listen({ path: socket.path });
  sampler = new Sampler({
    open: (signal) => connect(`qemu:///system?socket=${socket.path}`, { signal }),
    domainDeadlineMs: 150,
    tickDeadlineMs: 3_000,
    ...options,
  });
}

const of = (sample: HostSample, name: string): DomainSample | undefined =>
  sample.domains.find((each) => each.domain.name === name);
const kinds = (sample: HostSample): Record<string, number> => {
  const counts: Record<string, number> = {};
  for (const { outcome } of sample.domains) counts[outcome.kind] = (counts[outcome.kind] ?? 0) + 1;
  return counts;
};

beforeEach(() => {
  socket = temporarySocket();
});
afterEach(async () => {
  for (const vm of daemon.host.vms) daemon.faults.unhang(vm);
  await sampler.close();
  await daemon.stop();
  socket.remove();
});

test('one sample has every domain with state, figures and facts, running or not', async () => {
  await start(14);
  const sample = await sampler.sample();
  expect(kinds(sample)).toEqual({ fresh: 14 });
  expect(of(sample, 'pg-orders')).toMatchObject({
    summary: { state: 1, marks: { persistent: true, autostart: true } },
    facts: { nova: { projectName: 'payments' } },
  });
  expect(of(sample, 'template-debian')).toMatchObject({ summary: { state: 5 }, domain: { id: -1 } });
  expect(of(sample, 'legacy-files')).toMatchObject({ summary: { state: 3, reason: 1 } });
  expect(sample.versions).toEqual({ hypervisor: 7_002_000, libvirt: 9_000_000 });
});

test('the host is sampled with its VMs, and what is allocated is compared with what it has', async () => {
  await start(14);
  const first = await sampler.sample();
  expect(first.host?.cpusOnline).toBe(daemon.host.cpus.length);
  const { host, overcommit, contention } = await sampler.sample();
  expect(host?.memoryKiB.get('total')).toBeGreaterThan(0);
  expect(host?.cells.map((cell) => cell.id)).toEqual([0, 1]);
  expect(overcommit?.vcpuRatio).toBe((overcommit?.vcpusRunning ?? 0) / (host?.cpusOnline ?? 1));
  expect(first.contention).toBeUndefined();
  expect(contention).toBeDefined();
});

test('readers that ask at once get one and the same sample, and the host is asked once', async () => {
  await start(14);
  const samples = await Promise.all(Array.from({ length: 20 }, () => sampler.sample()));
  expect(new Set(samples).size).toBe(1);
  // All domains once, and once for each mark.
  expect(calls.filter((name) => name === 'connectListAllDomains')).toHaveLength(5);
  expect(calls.filter((name) => name === 'connectGetAllDomainStats')).toHaveLength(14);
  expect(await sampler.sample()).not.toBe(samples[0]);
});

test('a VM that hangs costs no other VM a figure, and is reported with its state and since when', async () => {
  await start(14);
  await sampler.sample();
  daemon.faults.hang(daemon.vm('pg-orders'));
  const sample = await sampler.sample();
  expect(kinds(sample)).toEqual({ fresh: 13, unresponsive: 1 });
  const stuck = of(sample, 'pg-orders');
  expect(stuck).toMatchObject({
    summary: { state: 1 },
    outcome: { kind: 'unresponsive', sinceMs: expect.any(Number) },
  });
  expect(stuck?.lastFreshAtMs).toBeLessThanOrEqual(sample.startedAtMs);
});

test('a VM whose call is still out is not asked again, and is back once it has answered', async () => {
  await start(14);
  daemon.faults.hang(daemon.vm('pg-orders'));
  const first = await sampler.sample();
  calls = [];
  for (let i = 0; i < 20; i++) {
    const sample = await sampler.sample();
    expect(kinds(sample)).toEqual({ fresh: 13, unresponsive: 1 });
    expect(of(sample, 'pg-orders')?.outcome).toEqual(of(first, 'pg-orders')?.outcome);
  }
  expect(calls.filter((name) => name === 'connectGetAllDomainStats')).toHaveLength(20 * 13);
  expect(sampler.health.stuckCalls).toBe(1);
  daemon.faults.unhang(daemon.vm('pg-orders'));
  await sampler.sample();
  expect(kinds(await sampler.sample())).toEqual({ fresh: 14 });
  expect(sampler.health.stuckCalls).toBe(0);
});

test('more stuck VMs than one connection has places still leave the others their figures', async () => {
  await start(60);
  await sampler.sample();
  const hung = daemon.host.vms.filter((vm) => vm.running).slice(0, 12);
  for (const vm of hung) daemon.faults.hang(vm);
  // Detected a few at a time: each worker waits for one of them once.
  let sample = await sampler.sample();
  for (let i = 0; i < 3; i++) sample = await sampler.sample();
  expect(kinds(sample)).toEqual({ fresh: 48, unresponsive: 12 });
  // Control, one for the host, and five for the VMs.
  expect(sampler.health.connections).toBeLessThanOrEqual(7);
  for (const vm of hung) daemon.faults.unhang(vm);
  await sampler.sample();
  expect(kinds(await sampler.sample())).toEqual({ fresh: 60 });
  await sampler.sample();
  // Connections that the stuck calls needed are released.
  expect(sampler.health.connections).toBe(6);
});

/** Takes samples until a definition is read again, which the event of a change triggers when it arrives. */
async function rereadsFacts(): Promise<void> {
  await vi.waitFor(async () => {
    await sampler.sample();
    expect(calls).toContain('domainGetXmlDesc');
  });
}

test('facts are read once, and again only for the domain that an event named', async () => {
  await start(14);
  await sampler.sample();
  calls = [];
  await sampler.sample();
  expect(calls).not.toContain('domainGetXmlDesc');
  const vm = daemon.vm('web-01');
  vm.live?.edit((domain) => domain.setAttribute('type', 'qemu'));
  calls = [];
  daemon.emit('metadataChange', { domain: vm.domain, type: 2, uri: 'urn:x' });
  await rereadsFacts();
  await sampler.sample();
  expect(calls.filter((name) => name === 'domainGetXmlDesc')).toHaveLength(1);
});

test('a vCPU that is removed, and a MAC address that the guest sets, are known once libvirt 12 reports them', async () => {
  await start(14, {}, { release: releaseOf('12.9') });
  const vm = daemon.vm('web-01');
  const before = of(await sampler.sample(), vm.name)?.facts;
  expect(before?.cpu.vcpusCurrent).toBe(2);
  expect(before?.interfaces[0]?.currentMac).toBeUndefined();
  await sampler.sample();

  const admin = await connect(`qemu:///system?socket=${socket.path}`, { readOnly: false });
  calls = [];
  await admin.call('domainSetVcpusFlags', { domain: vm.domain, vcpus: 1, flags: 1 });
  await rereadsFacts();
  expect(of(await sampler.sample(), vm.name)?.facts?.cpu.vcpusCurrent).toBe(1);

  const oldMac = before?.interfaces[0]?.mac ?? '';
  const newMac = '52:54:00:00:00:99';
  vm.live?.edit((domain) =>
    child(domain, 'devices', 'interface', 'mac')?.setAttribute('currentAddress', newMac),
  );
  calls = [];
  daemon.emit('nicMacChange', { domain: vm.domain, alias: 'net0', oldMac, newMac });
  await rereadsFacts();
  const [nic] = of(await sampler.sample(), vm.name)?.facts?.interfaces ?? [];
  expect([nic?.mac, nic?.currentMac]).toEqual([oldMac, newMac]);
  await admin.close();
});

test('libvirt 12 is asked which VMs start at the next boot only, each once a minute; libvirt 9 is not', async () => {
  let nowMs = Date.now();
  const asked = (): number => calls.filter((name) => name === 'domainGetAutostartOnce').length;
  await start(14, { now: () => nowMs }, { release: releaseOf('12.9') });
  // Present in the first sample as in the second: a series that appears later would look like a change.
  const sample = await sampler.sample();
  expect(['bastion', 'web-01'].map((name) => of(sample, name)?.summary.autostartOnce)).toEqual([true, false]);
  expect(asked()).toBe(14);
  nowMs += 59_000;
  await sampler.sample();
  expect(asked()).toBe(14);
  nowMs += 1_000;
  await sampler.sample();
  expect(asked()).toBe(28);
  await sampler.close();
  await daemon.stop();

  await start(14);
  await sampler.sample();
  expect(of(await sampler.sample(), 'bastion')?.summary.autostartOnce).toBeUndefined();
  expect(asked()).toBe(0);
});

/** A /proc with the QEMU process of one VM, with one thread per vCPU, each with a different delay. */
function procOf(uuid: string, vcpus: number): string {
  const root = mkdtempSync(join(tmpdir(), 'virtune-proc-'));
  mkdirSync(join(root, '77/task'), { recursive: true });
  writeFileSync(join(root, '77/cmdline'), ['qemu-system-x86_64', '-uuid', uuid, ''].join('\0'));
  for (let vcpu = 0; vcpu < vcpus; vcpu++) {
    const task = join(root, `77/task/${100 + vcpu}`);
    mkdirSync(task);
    writeFileSync(join(task, 'comm'), `CPU ${vcpu}/KVM\n`);
    writeFileSync(join(task, 'schedstat'), `5 ${1_000 + vcpu} 1\n`);
  }
  return root;
}

test("vCPU figures are the kernel's where it has them, and libvirt's elsewhere", async () => {
  await start(14);
  await sampler.close();
  const { uuid } = daemon.vm('web-01').domain;
  const vcpus = daemon.vm('web-01').spec.vcpus;
  const procRoot = procOf(uuid, vcpus);
  try {
    sampler = new Sampler({
      open: (signal) => connect(`qemu:///system?socket=${socket.path}`, { signal }),
      groups: new Set(['domain', 'vcpu', 'placement', 'host']),
      procRoot,
    });
    const sample = await sampler.sample();
    const figures = (name: string) => {
      const outcome = of(sample, name)?.outcome;
      return outcome?.kind === 'fresh' ? outcome.stats : undefined;
    };
    const delays = [...(figures('web-01')?.vcpus.values() ?? [])].map(({ delayNs }) => delayNs);
    expect(delays).toEqual(Array.from({ length: vcpus }, (_, vcpu) => 1_000 + vcpu));
    expect(figures('web-01')).toMatchObject({ vcpuCurrent: vcpus, vcpuMaximum: vcpus });
    expect(of(sample, 'web-01')?.summary.places?.map(({ vcpu }) => vcpu)).toEqual([...Array(vcpus).keys()]);
    expect(figures('web-02')?.vcpus.size).toBeGreaterThan(0);
    expect([...(figures('web-02')?.vcpus.values() ?? [])].map(({ delayNs }) => delayNs)).not.toContain(1_000);
    expect([...(sample.host?.parts?.keys() ?? [])]).toEqual(
      expect.arrayContaining(['cpus', 'memory', 'versions', 'identity', 'marks']),
    );
  } finally {
    rmSync(procRoot, { recursive: true });
  }
});

test('a VM that vanishes between list and query is left out, and is not a failure', async () => {
  await start(14);
  await sampler.sample();
  const vm = daemon.vm('batch-01');
  const listed = daemon.host.vms;
  // Gone for every call except the list.
  Object.defineProperty(daemon.host, 'vms', { get: () => listed, configurable: true });
  daemon.host.remove(vm);
  const sample = await sampler.sample();
  expect(kinds(sample)).toEqual({ fresh: 13 });
  expect(of(sample, 'batch-01')).toBeUndefined();
});

test('a VM that stops, starts and is renamed keeps its identity', async () => {
  await start(14);
  const before = of(await sampler.sample(), 'web-01');
  const vm = daemon.vm('web-01');
  vm.stop(1);
  daemon.emit('lifecycle', { domain: vm.domain, event: LifecycleEvent.stopped, detail: 0 });
  expect(of(await sampler.sample(), 'web-01')).toMatchObject({ summary: { state: 5 }, domain: { id: -1 } });
  vm.start(daemon.host.nextId());
  Object.assign(vm.spec, { name: 'web-renamed' });
  const after = of(await sampler.sample(), 'web-renamed');
  Object.assign(vm.spec, { name: 'web-01' });
  expect(after?.domain.uuid).toBe(before?.domain.uuid);
  expect(after?.domain.id).not.toBe(before?.domain.id);
  expect(after?.facts?.name).toBe('web-renamed');
});

test('a daemon that goes away is reported as such, and found again when it returns', async () => {
  await start(14);
  await sampler.sample();
  await daemon.stop();
  await expect(sampler.sample()).rejects.toThrow();
  expect(sampler.health.control.kind).not.toBe('open');
  await daemon.restart();
  expect(kinds(await sampler.sample())).toEqual({ fresh: 14 });
  expect(sampler.health.reconnects).toBeGreaterThan(0);
  // Events are registered on the new connection: a change is seen.
  const vm = daemon.vm('web-01');
  calls = [];
  daemon.emit('deviceAdded', { domain: vm.domain, alias: 'x' });
  await rereadsFacts();
  await sampler.sample();
  expect(calls.filter((name) => name === 'domainGetXmlDesc')).toHaveLength(1);
});

test('connections cut in the middle of a sample cost that sample, not the next', async () => {
  // Deadlines that no slow machine misses: this tests the loss, not the time.
  await start(200, { domainDeadlineMs: 20_000, tickDeadlineMs: 60_000 });
  await sampler.sample();
  cutAfter(100);
  await expect(sampler.sample()).rejects.toThrow();
  expect(kinds(await sampler.sample())).toEqual({ fresh: 200 });
}, 90_000);

test("a VM that is not asked before the tick's deadline is late, but has its state", async () => {
  await start(60, { tickDeadlineMs: 500, inFlight: 1, domainDeadlineMs: 1_000 });
  await sampler.sample();
  daemon.faults.slowMs = 40;
  const sample = await sampler.sample();
  expect(kinds(sample)['late']).toBeGreaterThan(0);
  expect(sample.domains).toHaveLength(60);
  expect(sample.domains.every((each) => each.summary.state !== undefined)).toBe(true);
});

test('a daemon that first looks at its QEMU is asked without waiting for that, and its versions follow', async () => {
  await start(14);
  daemon.faults.hold('connectGetVersion');
  daemon.faults.hold('connectGetCapabilities');
  await sampler.attempt();
  for (let i = 0; i < 10; i++) {
    const sample = await sampler.sample();
    expect(kinds(sample)).toEqual({ fresh: 14 });
    expect(sample.versions).toEqual({ hypervisor: undefined, libvirt: 9_000_000 });
    expect(sample.identity).toBeUndefined();
    expect(sample.host?.cpusOnline).toBe(daemon.host.cpus.length);
  }
  expect(calls.filter((name) => name === 'connectGetVersion')).toHaveLength(1);
  // Once for all users: the host's topology and its identity.
  expect(calls.filter((name) => name === 'connectGetCapabilities')).toHaveLength(1);
  daemon.faults.release('connectGetVersion');
  daemon.faults.release('connectGetCapabilities');
  await sampler.sample();
  const sample = await sampler.sample();
  expect(sample.versions).toEqual({ hypervisor: 7_002_000, libvirt: 9_000_000 });
  expect(sample.host?.topology).toBeDefined();
  expect(sample.identity).toEqual({ hostname: daemon.host.name, uuid: daemon.host.uuid });
});

test('pools whose storage is gone, however many, leave every VM its figures', async () => {
  await start(14);
  daemon.faults.hold('storagePoolGetInfo');
  let nowMs = Date.now();
  await sampler.close();
  sampler = new Sampler({
    open: (signal) => connect(`qemu:///system?socket=${socket.path}`, { signal }),
    domainDeadlineMs: 150,
    tickDeadlineMs: 3_000,
    now: () => nowMs,
  });
  for (let i = 0; i < 12; i++) {
    const sample = await sampler.sample();
    expect(kinds(sample)).toEqual({ fresh: 14 });
    expect(sample.host?.pools).toMatchObject([{ name: 'images', missing: 'unresponsive' }]);
    expect(sample.host?.pools[0]?.capacityBytes).toBeUndefined();
    nowMs += 31_000;
  }
  expect(sampler.health.stuckCalls).toBeLessThanOrEqual(4);
  daemon.faults.release('storagePoolGetInfo');
});

test('invalid bytes from the daemon cost a reconnect and nothing more', async () => {
  await start(14);
  await sampler.sample();
  daemon.sendRaw(Buffer.from('this is not the protocol'));
  await vi.waitFor(() => expect(sampler.health.reconnects).toBeGreaterThan(0));
  expect(kinds(await sampler.sample())).toEqual({ fresh: 14 });
});

test('a thousand VMs are all there', async () => {
  await start(1_000, { domainDeadlineMs: 5_000, tickDeadlineMs: 15_000 });
  expect(kinds(await sampler.sample())).toEqual({ fresh: 1_000 });
});

test('a transient VM that crashes is gone from libvirt, and its crash is in the samples after', async () => {
  await start(4);
  const [db, web] = (await sampler.sample()).domains.map(({ domain }) => daemon.vm(domain.name));
  if (db === undefined || web === undefined) throw new Error('the host has too few VMs');
  const crash = (vm: typeof db): void => {
    const { domain } = vm;
    daemon.host.stop(vm, ShutoffReason.crashed);
    daemon.emit('lifecycle', {
      domain: { ...domain, id: -1 },
      event: LifecycleEvent.stopped,
      detail: StoppedDetail.failed,
    });
  };
  // Transient: libvirt forgets it together with its QEMU.
  db.definition = undefined;
  crash(db);
  crash(web);
  const names = async () => (await sampler.sample()).crashes?.map(({ name }) => name).sort();
  await expect.poll(names).toEqual([db.domain.name, web.domain.name].sort());
  const sample = await sampler.sample();
  expect(of(sample, db.domain.name)).toBeUndefined();
  expect(of(sample, web.domain.name)).toBeDefined();
});

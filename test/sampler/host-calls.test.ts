import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { CallName } from '../../libvirt/calls/all.ts';
import { connect } from '../../libvirt/client/connect.ts';
import { READ_ONLY_CALLS } from '../../libvirt/client/read-only.ts';
import { type GroupName, groups } from '../../model/catalogue/catalogue.ts';
import type { HostSample } from '../../sampler/host-sample.ts';
import { Sampler } from '../../sampler/sampler.ts';
import { SimulatedDaemon } from '../../simulator/daemon.ts';
import { findScenario } from '../../simulator/demo.ts';
import { SimulatedHost } from '../../simulator/host.ts';
import { withVmCount } from '../../simulator/scenario.ts';
import { hostCallsOf } from '../host-calls.ts';
import { type TemporarySocket, temporarySocket } from './temporary-socket.ts';

const VMS = 14;
const ALL_GROUPS = new Set<GroupName>(groups.map(({ name }) => name as GroupName));
const DOMAIN_WITH_SNAPSHOT = 'pg-orders';

interface Bench {
  readonly daemon: SimulatedDaemon;
  readonly sampler: Sampler;
  readonly calls: CallName[];
  stop(): Promise<void>;
}

async function start(socket: TemporarySocket, domainDeadlineMs = 400): Promise<Bench> {
  const calls: CallName[] = [];
  const daemon = new SimulatedDaemon(new SimulatedHost(withVmCount(findScenario('calm'), VMS)), {
    onCall: (name) => calls.push(name),
  });
  daemon.vm(DOMAIN_WITH_SNAPSHOT).snapshots.set('before-upgrade', 1_700_000_000);
  await daemon.listen({ path: socket.path });
  const sampler = new Sampler({
    open: (signal) => connect(`qemu:///system?socket=${socket.path}`, { signal }),
    groups: ALL_GROUPS,
    // Limits how long the first sample waits for a hung host call.
    domainDeadlineMs,
    tickDeadlineMs: 20_000,
  });
  return {
    daemon,
    sampler,
    calls,
    stop: async () => {
      await sampler.close();
      await daemon.stop();
    },
  };
}

/** Which figures of the host are present, by name; and the VMs. */
function shown(sample: HostSample): Record<string, boolean> {
  const { host, versions, identity, domains } = sample;
  const withSnapshot = domains.find(({ domain }) => domain.name === DOMAIN_WITH_SNAPSHOT);
  return {
    cpus: host?.cpusOnline !== undefined,
    cpu: (host?.cpuNs.size ?? 0) > 0,
    host_cpus: (host?.cpuNsByCpu?.size ?? 0) > 0,
    memory: (host?.memoryKiB.size ?? 0) > 0,
    topology: host?.topology !== undefined,
    cells: (host?.cells.length ?? 0) > 0,
    numa_memory: host?.cells.some(({ memoryKiB }) => memoryKiB.size > 0) === true,
    pages: host?.cells.some(({ pages }) => pages.length > 0) === true,
    ksm: (host?.ksm.size ?? 0) > 0,
    pools: (host?.pools.length ?? 0) > 0,
    pool_sizes: host?.pools[0]?.capacityBytes !== undefined,
    pool_source: host?.pools[0]?.source !== undefined,
    hypervisor: versions?.hypervisor !== undefined,
    libvirt: versions?.libvirt !== undefined,
    hostname: identity?.hostname !== undefined,
    uuid: identity?.uuid !== undefined,
    marks: withSnapshot?.summary.marks !== undefined,
    snapshots: withSnapshot?.extras?.snapshots?.oldestAtSeconds !== undefined,
    vms: domains.filter(({ outcome }) => outcome.kind === 'fresh').length === VMS,
  };
}

const absent = (sample: HostSample): string[] =>
  Object.entries(shown(sample)).flatMap(([name, there]) => (there ? [] : [name]));

/** Figures that depend on a call, directly or through calls that can only follow it. */
const CALLS: Partial<Record<CallName, readonly string[]>> = {
  connectGetCapabilities: [
    'host_cpus',
    'topology',
    'cells',
    'numa_memory',
    'pages',
    // Half an identity could be that of another host.
    'hostname',
    'uuid',
  ],
  connectGetVersion: ['hypervisor'],
  connectGetLibVersion: ['libvirt'],
  connectGetHostname: ['hostname', 'uuid'],
  connectListAllDomains: ['marks', 'snapshots'],
  connectListAllStoragePools: ['pools', 'pool_sizes', 'pool_source'],
  storagePoolGetInfo: ['pool_sizes'],
  storagePoolGetXmlDesc: ['pool_source'],
  nodeGetCpuMap: ['cpus'],
  nodeGetCpuStats: ['cpu', 'host_cpus'],
  nodeGetMemoryStats: ['memory', 'numa_memory'],
  nodeGetMemoryParameters: ['ksm'],
  nodeGetFreePages: ['pages'],
  domainListAllSnapshots: ['snapshots'],
  domainSnapshotGetXmlDesc: ['snapshots'],
};

let socket: TemporarySocket;
let bench: Bench;
beforeEach(async () => {
  socket = temporarySocket();
  bench = await start(socket);
});
afterEach(async () => {
  for (const name of READ_ONLY_CALLS) bench.daemon.faults.release(name);
  await bench.stop();
  socket.remove();
});

/** The domain list belongs to the control connection; marks use the same call with a filter. */
const which = (args: unknown): boolean => (args as { flags?: number } | undefined)?.flags !== 0;
const hold = (name: CallName): void =>
  bench.daemon.faults.hold(name, name === 'connectListAllDomains' ? which : undefined);

/** Waits until all follow-up calls have been made and answered. */
async function noMoreCalls(): Promise<void> {
  let known = -1;
  const isQuiet = (): boolean => {
    const isSame = bench.calls.length === known;
    known = bench.calls.length;
    return isSame;
  };
  await expect.poll(isQuiet, { interval: 200, timeout: 20_000 }).toBe(true);
}

test('the first sample of a healthy host has all that the second has', async () => {
  await bench.stop();
  // Long enough for a machine that is busy with other tests.
  bench = await start(socket, 8_000);
  expect(absent(await bench.sampler.sample())).toEqual([]);
  expect(absent(await bench.sampler.sample())).toEqual([]);
});

test('every call that virtune sends is of the connection, of one VM, or in the table below', async () => {
  for (let tick = 0; tick < 3; tick++) await bench.sampler.sample();
  expect(hostCallsOf(bench.calls)).toEqual(Object.keys(CALLS).sort());
});

describe.each(Object.entries(CALLS) as [CallName, readonly string[]][])('%s', (name, figures) => {
  test('that never answers costs its own figures, and nothing else', async () => {
    hold(name);
    // Each sample ends while the call is in flight: only this test releases it.
    const without = async (): Promise<string[]> => absent(await bench.sampler.sample()).sort();
    // On a busy machine the other calls may need a second sample.
    await expect.poll(without, { timeout: 20_000 }).toEqual([...figures].sort());
    for (let tick = 0; tick < 3; tick++) expect(await without()).toEqual([...figures].sort());
  });

  test('that answers late is asked once, and its answer is used, not asked for again', async () => {
    hold(name);
    await bench.sampler.sample();
    const before = bench.calls.filter((call) => call === name).length;
    const controlLists = name === 'connectListAllDomains' ? 1 : 0;
    await bench.sampler.sample();
    expect(bench.calls.filter((call) => call === name).length - before).toBe(controlLists);
    bench.daemon.faults.release(name);
    await noMoreCalls();
    // Later calls are not answered: the figures can only come from the late replies.
    hold(name);
    const depending = figures.filter((figure) => figure !== 'snapshots' || name.startsWith('domain'));
    const late = absent(await bench.sampler.sample());
    expect(depending.filter((figure) => late.includes(figure))).toEqual([]);
    bench.daemon.faults.release(name);
    await expect.poll(async () => absent(await bench.sampler.sample()), { timeout: 20_000 }).toEqual([]);
  });

  test('that hangs once it has answered leaves its figures, with their age and the reason', async () => {
    await expect.poll(async () => absent(await bench.sampler.sample()), { timeout: 20_000 }).toEqual([]);
    hold(name);
    for (let tick = 0; tick < 3; tick++) expect(absent(await bench.sampler.sample())).toEqual([]);
  });
});

test('more host calls that hang than there are places leave every VM its figures, and stay bounded', async () => {
  for (const name of Object.keys(CALLS) as CallName[]) hold(name);
  for (let tick = 0; tick < 4; tick++) {
    expect(shown(await bench.sampler.sample())['vms']).toBe(true);
  }
  expect(bench.sampler.health.stuckCalls).toBeLessThanOrEqual(12);
  for (const name of Object.keys(CALLS) as CallName[]) bench.daemon.faults.release(name);
  await expect.poll(async () => absent(await bench.sampler.sample()), { timeout: 20_000 }).toEqual([]);
});

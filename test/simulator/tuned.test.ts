import { afterEach, expect, test } from 'vitest';
import { connect } from '../../libvirt/client/connect.ts';
import type { Connection } from '../../libvirt/client/connection.ts';
import { DomainState } from '../../libvirt/constants.ts';
import { onlineCpus, parseCapabilities } from '../../model/topology.ts';
import { capabilitiesXml } from '../../simulator/capabilities.ts';
import { type Demo, findScenario, startDemo } from '../../simulator/demo.ts';
import { SimulatedHost } from '../../simulator/host.ts';
import { checkScenario, type ScenarioInput } from '../../simulator/scenario.ts';
import type { SimulatedVm } from '../../simulator/vm.ts';
import { codeOf } from '../contract/tuning/throwaway.ts';

let demo: Demo | undefined;
let connection: Connection | undefined;
afterEach(async () => {
  await connection?.close();
  await demo?.stop();
});

async function opened(): Promise<{ daemon: Demo['daemon']; writer: Connection }> {
  demo = await startDemo();
  connection = await connect(demo.uri, { readOnly: false });
  return { daemon: demo.daemon, writer: connection };
}

const AFTERNOON_MS = Date.UTC(2026, 0, 15, 14);

/** A database on a host with two cells, after ten minutes; `change` tunes it first. */
function lived(change: (vm: SimulatedVm) => void): SimulatedVm {
  let nowMs = AFTERNOON_MS;
  const scenario = checkScenario(
    {
      name: 'one',
      description: '',
      vms: [
        { name: 'db', workload: 'oltp', vcpus: 4, memoryMiB: 4_096, disks: [{ target: 'vda', sizeGiB: 9 }] },
      ],
    },
    'one',
  );
  const host = new SimulatedHost(scenario, { now: () => nowMs });
  const vm = host.byName('db') as SimulatedVm;
  change(vm);
  for (let minute = 0; minute < 10; minute++) {
    nowMs += 60_000;
    host.advance();
  }
  return vm;
}

const LOCAL = `<cputune>${[0, 1, 2, 3].map((id) => `<vcpupin vcpu='${id}' cpuset='${id}'/>`).join('')}</cputune><numatune><memory mode='strict' nodeset='0'/></numatune>`;
const HUGE = "<memoryBacking><hugepages><page size='2048' unit='KiB'/></hugepages></memoryBacking>";
const restartedWith =
  (more: string, driver?: string) =>
  (vm: SimulatedVm): void => {
    const xml = vm.definition?.xml ?? '';
    const changed =
      driver === undefined ? xml : xml.replace(/<driver name='qemu' type='qcow2'/, `$& ${driver}`);
    vm.stop(1);
    vm.define(changed.replace('<os>', `${more}<os>`));
    vm.start(1);
  };
const requests = (vm: SimulatedVm): number => vm.disks[0]?.readRequests ?? 0;
const readNs = (vm: SimulatedVm): number => (vm.disks[0]?.readNs ?? 0) / requests(vm);

test('local memory and hugepages get more done, each by itself and both together', () => {
  const [neither, huge, local, both] = ['', HUGE, LOCAL, `${HUGE}${LOCAL}`].map((more) =>
    requests(lived(restartedWith(more))),
  );
  expect(huge).toBeGreaterThan(neither ?? Infinity);
  expect(local).toBeGreaterThan(neither ?? Infinity);
  expect(both).toBeGreaterThan(Math.max(huge ?? Infinity, local ?? Infinity));
  // The measured gain, and no more.
  expect((both ?? 0) / (neither ?? 1)).toBeCloseTo(1 / 0.894, 1);
});

test('direct, native I/O reads faster than through the host’s cache and the thread pool', () => {
  const cached = readNs(lived(restartedWith('', "cache='writeback'")));
  const direct = readNs(lived(restartedWith('', "cache='none'")));
  const native = readNs(lived(restartedWith('', "cache='none' io='native'")));
  expect(direct).toBeLessThan(cached);
  expect(native).toBeLessThan(direct);
});

test('a change of the definition alone changes nothing until the VM starts again', () => {
  const changed = lived((vm) => vm.define((vm.definition?.xml ?? '').replace('<os>', `${HUGE}<os>`)));
  expect(requests(changed)).toBe(requests(lived(() => undefined)));
});

test('a guest that is asked to shut down takes its time; one that does not hear runs on', async () => {
  const { daemon, writer } = await opened();
  const [good, deaf] = [daemon.vm('web-01'), daemon.vm('legacy-files')];
  Object.assign(deaf, { state: DomainState.running });
  const stopped = Promise.withResolvers<number>();
  await writer.on('lifecycle', ({ event, detail }) => event === 5 && stopped.resolve(detail), {
    domain: good.domain,
  });
  for (const { domain } of [good, deaf]) await writer.call('domainShutdownFlags', { domain, flags: 0 });
  expect(good.running).toBe(true);
  expect(await stopped.promise).toBe(0);
  expect([good.active, good.reason]).toEqual([false, 1]);
  expect(deaf.running).toBe(true);
});

test('a start that QEMU refuses leaves the VM off; one that crashes is up for a while', async () => {
  const { daemon, writer } = await opened();
  const vm = daemon.vm('template-debian');
  const start = () => writer.call('domainCreateWithFlags', { domain: vm.domain, flags: 0 });
  daemon.faults.failNextStart(vm, { kind: 'refused', message: 'process exited while connecting to monitor' });
  expect(await codeOf(start())).toBe(1);
  expect(vm.active).toBe(false);
  daemon.faults.failNextStart(vm, { kind: 'crash', afterMs: 10 });
  await start();
  expect(vm.active).toBe(true);
  await expect.poll(() => vm.active).toBe(false);
  await start();
  expect(vm.active).toBe(true);
});

test('hugepages of a domain that ends are free again, whatever ended it', async () => {
  const { daemon, writer } = await opened();
  const vm = daemon.vm('pg-orders');
  const free = () => daemon.host.hugepages.free(0, 2_048);
  const before = free();
  await writer.call('domainDestroyFlags', { domain: vm.domain, flags: 0 });
  expect(free() - before).toBe(8_192);
  await writer.call('domainCreateWithFlags', { domain: vm.domain, flags: 0 });
  expect(free()).toBe(before);
});

test('a pool cannot shrink below what is used of it, nor grow beyond what the cell has', async () => {
  const { daemon, writer } = await opened();
  const resize = (count: number) =>
    writer.call('nodeAllocPages', {
      pageSizesKiB: [2_048],
      counts: [count],
      startCell: 0,
      cellCount: 1,
      flags: 1,
    });
  expect(await codeOf(resize(10))).toBe(9);
  expect(daemon.host.hugepages.total(0, 2_048)).toBe(16_384);
  expect(await codeOf(resize(10_000_000))).toBe(9);
  // Like the kernel: pages that were allocated are kept.
  expect(daemon.host.hugepages.total(0, 2_048)).toBeGreaterThan(16_384);
});

type HostInput = ScenarioInput['host'];

const topologyOf = (host: HostInput) =>
  parseCapabilities(
    capabilitiesXml(new SimulatedHost(checkScenario({ name: 'x', description: '', host, vms: [] }, 'x'))),
  );

test('a host may have dies, several last-level caches a cell, and more cells than sockets', () => {
  const { cells, caches } = topologyOf({
    sockets: 2,
    coresPerSocket: 16,
    threadsPerCore: 2,
    diesPerSocket: 4,
    cellsPerSocket: 2,
    coresPerCache: 4,
  });
  expect(cells).toHaveLength(4);
  expect(cells[0]?.cpus).toHaveLength(16);
  expect([...(cells[0]?.distances.values() ?? [])]).toEqual([10, 12, 21, 21]);
  expect(new Set(cells.flatMap((cell) => cell.cpus.map(({ dieId }) => dieId))).size).toBe(4);
  expect(caches).toHaveLength(8);
  expect(caches[1]?.cpus.toString()).toBe('4-7,36-39');
});

test('CPUs may be offline, and cells may have memory alone', () => {
  const topology = topologyOf({ sockets: 1, coresPerSocket: 4, offlineCpus: '3,7', memoryOnlyCells: 1 });
  expect(onlineCpus(topology).toString()).toBe('0-2,4-6');
  expect(topology.cells[1]).toMatchObject({ cpus: [], memoryKiB: expect.any(Number) });
  expect(() => topologyOf({ coresPerSocket: 6, diesPerSocket: 4 })).toThrow(/evenly/);
});

test('a thousand unchanged VMs hold no XML', () => {
  const host = new SimulatedHost(findScenario('calm'));
  for (const vm of host.vms) vm.xml({ inactive: false, secure: false });
  expect(host.vms.every((vm) => vm.definition?.isOriginal && vm.live?.isOriginal !== false)).toBe(true);
});

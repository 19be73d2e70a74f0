import { expect, test } from 'vitest';
import { StatsGroup } from '../../libvirt/constants.ts';
import { parseDomain } from '../../model/domain/domain.ts';
import { readDomainStats } from '../../model/stats/read.ts';
import { findScenario } from '../../simulator/demo.ts';
import { SimulatedHost } from '../../simulator/host.ts';
import { checkScenario, ScenarioError, withVmCount } from '../../simulator/scenario.ts';
import { scenarios } from '../../simulator/scenarios/all.ts';
import { balloonFigures, statsOf } from '../../simulator/stats.ts';
import { seriesOf } from '../model/series.ts';

const AFTERNOON_MS = Date.UTC(2026, 0, 15, 14);

/** A host after `minutes` of simulated time, starting in the afternoon. */
function lived(scenario: string, minutes: number): SimulatedHost {
  let nowMs = AFTERNOON_MS;
  const host = new SimulatedHost(findScenario(scenario), { now: () => nowMs });
  for (let i = 0; i < minutes; i++) {
    nowMs += 60_000;
    host.advance();
  }
  return host;
}

const delayOf = (host: SimulatedHost, name: string): number =>
  host.byName(name)?.vcpus.reduce((sum, vcpu) => sum + vcpu.delayNs, 0) ?? Number.NaN;

/** The total wait of all vCPUs while their threads start. */
const SOME_STARTS_NS = 1e6;

test('steal follows from overcommit: none on the calm host, plenty on the overcommitted one', () => {
  const calm = lived('calm', 10);
  expect(calm.vms.map((vm) => delayOf(calm, vm.spec.name)).reduce((a, b) => a + b)).toBeLessThan(
    SOME_STARTS_NS,
  );
  const overcommitted = lived('overcommitted', 10);
  for (const name of ['web-01', 'pg-orders', 'mssql-erp', 'batch-night-01']) {
    expect(delayOf(overcommitted, name), name).toBeGreaterThan(1e9);
  }
  // A mostly idle vCPU is far below its share.
  expect(delayOf(overcommitted, 'bastion')).toBeLessThan(SOME_STARTS_NS);
});

test('a noisy neighbour hurts the VMs that share its CPUs, and no others', () => {
  const host = lived('noisy-neighbour', 10);
  expect(delayOf(host, 'pg-orders')).toBeGreaterThan(1e9);
  expect(delayOf(host, 'pg-billing')).toBeLessThan(SOME_STARTS_NS);
});

test('VMs with sixteen busy vCPUs wait, and make no database of four wait beside them', () => {
  const untuned = lived('untuned', 30);
  expect(delayOf(untuned, 'batch-01')).toBeGreaterThan(1e9);
  expect(delayOf(untuned, 'pg-orders')).toBeLessThan(SOME_STARTS_NS);
});

test('guests that may use more than the host has are squeezed and swap', () => {
  const host = lived('memory-pressure', 10);
  const web = host.byName('web-01');
  expect(web?.balloonKiB).toBeLessThan(web?.facts.maximumKiB ?? 0);
  // The balloon of a guest on huge pages does not change.
  const database = host.byName('pg-orders');
  expect(database?.balloonKiB).toBe(database?.facts.maximumKiB);
});

test('the same seed and clock give the same world', () => {
  const figures = () => lived('overcommitted', 3).vms.map((vm) => statsOf(vm, 0));
  expect(figures()).toEqual(figures());
});

test('counters only ever grow, however long the host was not asked', () => {
  let nowMs = AFTERNOON_MS;
  const host = new SimulatedHost(findScenario('io-storm'), { now: () => nowMs });
  const read = () =>
    host.vms.map((vm) => readDomainStats(statsOf(vm, StatsGroup.cpu | StatsGroup.vcpu | StatsGroup.block)));
  let before = read();
  for (const gapMs of [0, 1, 999, 60_000, 86_400_000]) {
    nowMs += gapMs;
    host.advance();
    const after = read();
    after.forEach((stats, index) => {
      expect(stats.cpu.timeNs ?? 0).toBeGreaterThanOrEqual(before[index]?.cpu.timeNs ?? 0);
      for (const [key, block] of stats.blocks) {
        expect(block.readBytes ?? 0).toBeGreaterThanOrEqual(before[index]?.blocks.get(key)?.readBytes ?? 0);
      }
    });
    before = after;
  }
});

test('a VM of the demo has a TPM, shared memory and a virtio-mem device, and its metrics show them', () => {
  const host = new SimulatedHost(findScenario('calm'));
  const vm = host.byName('cache-01');
  const facts = parseDomain(vm?.live?.xml ?? '');
  const series = seriesOf('facts', facts);
  expect(series).toContain(
    'libvirt_domain_features_info{tpm="2.0", memory_source="memfd", memory_access="shared"}',
  );
  expect(series.filter((each) => each.startsWith('libvirt_domain_memory_device_bytes'))).toEqual([
    'libvirt_domain_memory_device_bytes{model="virtio-mem", guest_cell="0", kind="size"} 4294967296',
    'libvirt_domain_memory_device_bytes{model="virtio-mem", guest_cell="0", kind="requested"} 2147483648',
    'libvirt_domain_memory_device_bytes{model="virtio-mem", guest_cell="0", kind="plugged"} 2147483648',
  ]);
  // Unplugged memory is not the guest's.
  expect([facts.memory.maximumKiB, facts.memory.currentKiB, vm?.balloonKiB]).toEqual([
    8_388_608, 6_291_456, 6_291_456,
  ]);
});

test('every built-in scenario is valid, and says what it shows', () => {
  for (const name of Object.keys(scenarios)) {
    const scenario = findScenario(name);
    expect(scenario.description).not.toBe('');
    expect(() => new SimulatedHost(scenario).advance()).not.toThrow();
  }
  expect(withVmCount(findScenario('calm'), 5_000).vms).toHaveLength(5_000);
});

test('the error of an invalid scenario says where it is wrong', () => {
  const vm = { name: 'a', workload: 'oltp', vcpus: 1, memoryMiB: 512 };
  const base = { name: 'x', description: '' };
  expect(() => checkScenario({ ...base, vms: [{ ...vm, vcpus: 0 }] }, 'file')).toThrow(/vms\.0\.vcpus/);
  expect(() => checkScenario({ ...base, vms: [vm, vm] }, 'file')).toThrow(/two VMs are named "a"/);
  expect(() => checkScenario({ ...base, vms: [{ ...vm, colour: 'red' }] }, 'file')).toThrow(ScenarioError);
  expect(() => findScenario('no-such')).toThrow(/overcommitted/);
  expect(() => findScenario('./no/such.json')).toThrow(/cannot be read/);
});

test('storage that is asked for more than it has makes every disk wait, and only then', () => {
  const meanMs = (host: SimulatedHost, name: string): number => {
    const disks = host.byName(name)?.disks ?? [];
    const sum = (of: (disk: (typeof disks)[number]) => number) =>
      disks.reduce((all, each) => all + of(each), 0);
    return sum((disk) => disk.readNs) / sum((disk) => disk.readRequests) / 1e6;
  };
  expect(meanMs(lived('calm', 10), 'pg-orders')).toBeLessThan(1);
  expect(meanMs(lived('io-storm', 10), 'pg-orders')).toBeGreaterThan(50);
});

test('a guest whose balloon took what it needs has next to nothing left, others a third', () => {
  const usable = (host: SimulatedHost, name: string): number => {
    const vm = host.byName(name);
    if (vm === undefined) throw new Error(name);
    const { usable = Number.NaN, available = Number.NaN } = balloonFigures(vm);
    return usable / available;
  };
  expect(usable(lived('calm', 2), 'web-01')).toBeGreaterThan(0.25);
  expect(usable(lived('memory-pressure', 2), 'web-01')).toBeLessThan(0.05);
});

import { expect, test } from 'vitest';
import { SimulatedHost } from '../../simulator/host.ts';
import { checkScenario, type ScenarioInput } from '../../simulator/scenario.ts';
import type { SimulatedVm } from '../../simulator/vm.ts';

const AFTERNOON_MS = Date.parse('2026-03-02T14:00:00Z');
type VmInput = ScenarioInput['vms'][number];

/** Runs these VMs on two CPUs for a minute. */
function afterAMinute(vms: readonly VmInput[], change: (host: SimulatedHost) => void = () => undefined) {
  let nowMs = AFTERNOON_MS;
  const scenario = checkScenario(
    {
      name: 'small',
      description: '',
      load: 4,
      host: { sockets: 1, coresPerSocket: 2, threadsPerCore: 1, storageMiBps: 100_000 },
      vms: [...vms],
    },
    'small',
  );
  const host = new SimulatedHost(scenario, { now: () => nowMs });
  host.advance();
  change(host);
  const before = host.vms.map(totals);
  nowMs += 60_000;
  host.advance();
  return host.vms.map((vm, index) => minus(totals(vm), before[index] as ReturnType<typeof totals>));
}

function totals(vm: SimulatedVm) {
  const sum = (read: (each: SimulatedVm['vcpus'][number]) => number): number =>
    vm.vcpus.reduce((all, each) => all + read(each), 0);
  return {
    ranS: sum((each) => each.timeNs) / 1e9,
    delayS: sum((each) => each.delayNs) / 1e9,
    bytes: vm.disks.reduce((all, each) => all + each.readBytes + each.writeBytes, 0),
    drops: vm.nics.reduce((all, each) => all + each.rxDrops, 0),
    packets: vm.nics.reduce((all, each) => all + each.rxPackets, 0),
    swapInKiB: vm.swapInKiB,
  };
}

function minus<T extends Readonly<Record<string, number>>>(now: T, before: T): T {
  return Object.fromEntries(
    Object.entries(now).map(([key, value]) => [key, value - (before[key] ?? 0)]),
  ) as T;
}

const batch = (name: string, more: Partial<VmInput> = {}): VmInput => ({
  name,
  workload: 'batch',
  vcpus: 2,
  memoryMiB: 1_024,
  ...more,
});

test('CPU shares decide who waits where CPUs are short', () => {
  const [light, heavy] = afterAMinute([batch('light'), batch('heavy')], (host) => {
    host
      .byName('light')
      ?.live?.replace(
        (host.byName('light')?.live?.xml ?? '').replace(
          '</vcpu>',
          '</vcpu>\n  <cputune>\n    <shares>256</shares>\n  </cputune>',
        ),
      );
  });
  expect((heavy?.ranS ?? 0) / (light?.ranS ?? 1)).toBeCloseTo(4, 0);
});

test('beside a VM with eight busy vCPUs one with two gets as much CPU time, and waits less', () => {
  const [narrow, wide] = afterAMinute([batch('narrow'), batch('wide', { vcpus: 8 })]);
  expect(narrow?.ranS).toBeCloseTo(60, 0);
  expect(wide?.ranS).toBeCloseTo(60, 0);
  expect(wide?.delayS).toBeCloseTo(7 * 60, 0);
  expect(narrow?.delayS).toBeCloseTo(60, 0);
});

test('a CPU quota caps each vCPU, and the rest of what it wants is delay', () => {
  const [held] = afterAMinute([batch('held', { vcpuQuota: 0.2 })]);
  expect(held?.ranS).toBeCloseTo(2 * 0.2 * 60, 0);
  expect(held?.delayS).toBeGreaterThan(60);
});

test('a limit of a disk holds its bytes, and its requests wait', () => {
  const withLimit = (host: SimulatedHost): void => {
    const live = host.byName('vm')?.live;
    live?.replace(
      live.xml.replace('</disk>', '<iotune><total_bytes_sec>1000000</total_bytes_sec></iotune></disk>'),
    );
  };
  const disks: VmInput['disks'] = [{ target: 'vda', sizeGiB: 10 }];
  const [free] = afterAMinute([batch('vm', { disks })]);
  const [held] = afterAMinute([batch('vm', { disks })], withLimit);
  expect(free?.bytes).toBeGreaterThan(100e6);
  expect(held?.bytes).toBeLessThanOrEqual(60 * 1.1e6);
  expect(held?.bytes).toBeGreaterThan(30e6);
});

test('full queues of a NIC drop their share of the packets, and a guest that needs more memory than it has swaps', () => {
  const [calm, dropping, starved] = afterAMinute([
    batch('calm'),
    batch('dropping', { nicDropShare: 0.2 }),
    batch('starved', { memoryUse: 1.1 }),
  ]);
  expect(calm).toMatchObject({ drops: 0, swapInKiB: 0 });
  expect((dropping?.drops ?? 0) / ((dropping?.drops ?? 0) + (dropping?.packets ?? 0))).toBeCloseTo(0.2, 2);
  expect(starved?.swapInKiB).toBeGreaterThan(0);
});

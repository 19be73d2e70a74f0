import { expect, test } from 'vitest';
import { Residency } from '../../advice/residency.ts';

const vm = (key: string, delay: number, ...vcpus: readonly (readonly [cpu: number, run: number])[]) => ({
  key,
  delay,
  vcpus: vcpus.map(([cpu, run], vcpu) => ({ vcpu, cpu, run })),
});

test('VMs that ran on the CPUs of a VM while it waited are listed, the busiest first', () => {
  const residency = new Residency();
  residency.add([vm('db', 0.5, [0, 0.5]), vm('noisy', 0, [0, 0.6]), vm('other', 0, [0, 0.2], [1, 1])]);
  const blame = residency.blame('db', new Set([0]));
  expect(blame?.delay).toBeCloseTo(0.5);
  expect(blame?.neighbours.map(({ key }) => key)).toEqual(['noisy', 'other']);
  expect(blame?.neighbours[0]?.share).toBeCloseTo(0.75);
  expect(blame?.neighbours[1]?.cpus).toEqual([0]);
});

test('a VM that ran while no other waited is not to blame', () => {
  const residency = new Residency();
  residency.add([vm('db', 0, [0, 0.9]), vm('innocent', 0, [0, 1])]);
  expect(residency.blame('db', undefined)).toBeUndefined();
  residency.add([vm('db', 0.8, [0, 0.2]), vm('noisy', 0, [0, 0.8])]);
  expect(residency.blame('db', undefined)?.neighbours.map(({ key }) => key)).toEqual(['noisy']);
});

test('a VM without pins shares its steal with the VMs on the CPUs where it was seen', () => {
  const residency = new Residency();
  residency.add([vm('db', 0.3, [4, 0.5]), vm('near', 0, [4, 0.5]), vm('far', 0, [5, 1])]);
  expect(residency.blame('db', undefined)).toMatchObject({
    cpus: [4],
    neighbours: [{ key: 'near', share: 1 }],
  });
});

test('samples older than the window do not count', () => {
  const residency = new Residency(2);
  residency.add([vm('db', 1, [0, 1]), vm('then', 0, [0, 1])]);
  residency.add([vm('db', 0, [0, 1])]);
  residency.add([vm('db', 0, [0, 1])]);
  expect(residency.ticks).toBe(2);
  expect(residency.blame('db', undefined)).toBeUndefined();
  expect(
    residency
      .now()
      .get(0)
      ?.map(({ key }) => key),
  ).toEqual(['db']);
});

test('each sample counts by how long the VM waited in it: short waits hardly matter', () => {
  const residency = new Residency();
  residency.add([vm('db', 0.1, [0, 0.9]), vm('while it ran', 0, [0, 1])]);
  residency.add([vm('db', 0.9, [0, 0.1]), vm('while it waited', 0, [0, 0.5])]);
  const blame = residency.blame('db', new Set([0]));
  // 0.5 * 0.9 = 0.45 against 1 * 0.1 = 0.1, of 0.55 in total; each per second of the 1.0 s that the VM waited.
  expect(blame?.neighbours.map(({ key }) => key)).toEqual(['while it waited', 'while it ran']);
  expect(blame?.neighbours[0]?.run).toBeCloseTo(0.45);
  expect(blame?.neighbours[0]?.share).toBeCloseTo(0.45 / 0.55);
  expect(blame?.neighbours[1]?.run).toBeCloseTo(0.1);
  expect(blame?.neighbours[1]?.share).toBeCloseTo(0.1 / 0.55);
});

test('the run time of a neighbour is summed over its vCPUs and the samples, and its CPUs are listed in order', () => {
  const residency = new Residency();
  residency.add([vm('db', 0.5, [10, 1]), vm('wide', 0, [10, 0.2], [9, 0.3], [11, 0.7])]);
  residency.add([vm('db', 0.5, [9, 1]), vm('wide', 0, [10, 0.4])]);
  const blame = residency.blame('db', new Set([9, 10]));
  expect(blame?.cpus).toEqual([9, 10]);
  expect(blame?.neighbours).toEqual([
    // (0.2 + 0.3) * 0.5 + 0.4 * 0.5, per second of the 1.0 s; the VM does not use CPU 11.
    { key: 'wide', run: expect.closeTo(0.45), share: 1, cpus: [9, 10] },
  ]);
});

test('VMs that ran equally long share the blame equally, in the order of the sample', () => {
  const residency = new Residency();
  const equal = ['b', 'a', 'c'].map((key) => vm(key, 0, [0, 0.25]));
  residency.add([vm('db', 0.5, [0, 0.25]), ...equal]);
  const neighbours = residency.blame('db', undefined)?.neighbours;
  expect(neighbours?.map(({ key }) => key)).toEqual(['b', 'a', 'c']);
  for (const { share } of neighbours ?? []) expect(share).toBeCloseTo(1 / 3);
});

test('a VM is not its own neighbour, nor is one that did not run on those CPUs', () => {
  const residency = new Residency();
  residency.add([vm('db', 0.5, [0, 0.5], [1, 0.5]), vm('idle', 0, [0, 0]), vm('elsewhere', 0, [2, 1])]);
  expect(residency.blame('db', undefined)).toEqual({ delay: 0.5, ticks: 1, cpus: [0, 1], neighbours: [] });
});

test('a VM seen nowhere (libvirt reports CPU -1) has no CPUs and no neighbours without pins', () => {
  const residency = new Residency();
  residency.add([vm('db', 0.5, [-1, 0.5]), vm('other', 0, [-1, 1])]);
  expect(residency.blame('db', undefined)).toEqual({ delay: 0.5, ticks: 1, cpus: [], neighbours: [] });
  expect([...residency.now()]).toEqual([]);
});

test('the steal of a VM is its mean over all samples of the window, also those without it', () => {
  const residency = new Residency();
  residency.add([vm('db', 0.6, [0, 0.4]), vm('noisy', 0, [0, 0.6])]);
  residency.add([vm('noisy', 0, [0, 1])]);
  residency.add([vm('noisy', 0, [0, 1]), vm('db', 0.3, [0, 0.7])]);
  const blame = residency.blame('db', new Set([0]));
  expect(blame?.delay).toBeCloseTo(0.3);
  expect(blame?.ticks).toBe(3);
  // (0.6 * 0.6 + 1 * 0.3) / 0.9
  expect(blame?.neighbours).toEqual([
    { key: 'noisy', run: expect.closeTo(0.66 / 0.9), share: expect.closeTo(1), cpus: [0] },
  ]);
});

test('a VM that is not in any sample has no blame to share', () => {
  const residency = new Residency();
  expect(residency.blame('db', undefined)).toBeUndefined();
  expect([...residency.now()]).toEqual([]);
  residency.add([vm('other', 1, [0, 1])]);
  expect(residency.blame('db', new Set([0]))).toBeUndefined();
});

test('the CPUs of a VM without pins are those where it waited, in order; it may have run on others', () => {
  const residency = new Residency();
  residency.add([vm('db', 0, [7, 1]), vm('innocent', 0, [7, 1])]);
  residency.add([vm('db', 0.5, [10, 0.5], [9, 0.5])]);
  expect(residency.blame('db', undefined)?.cpus).toEqual([9, 10]);
});

test('the window is 30 samples unless another is given', () => {
  const residency = new Residency();
  for (let tick = 0; tick < 40; tick++) residency.add([]);
  expect(residency.ticks).toBe(30);
});

test('the newest sample lists the vCPUs on each CPU, the busiest first', () => {
  const residency = new Residency();
  residency.add([vm('gone', 0, [0, 1])]);
  residency.add([vm('gone too', 0, [0, 1])]);
  residency.add([vm('a', 0, [0, 0.25], [1, 1]), vm('b', 0, [1, 0.5], [0, 0.75])]);
  expect([...residency.now()]).toEqual([
    [
      0,
      [
        { key: 'b', vcpu: 1, cpu: 0, run: 0.75 },
        { key: 'a', vcpu: 0, cpu: 0, run: 0.25 },
      ],
    ],
    [
      1,
      [
        { key: 'a', vcpu: 1, cpu: 1, run: 1 },
        { key: 'b', vcpu: 0, cpu: 1, run: 0.5 },
      ],
    ],
  ]);
});

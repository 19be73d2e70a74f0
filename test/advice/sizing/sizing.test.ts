import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Advice } from '../../../advice/advice.ts';
import { decayedQuantile } from '../../../advice/sizing/decayed-quantile.ts';
import { sizeAdvice } from '../../../advice/sizing/sizing.ts';
import type { HostUsage, VmUsage } from '../../../advice/sizing/usage.ts';
import { cpuOf, DAY, GIB, hostOf, memoryOf, points, since, vmOf, WEEK } from './made-usage.ts';

const answerOf = (vms: readonly VmUsage[], over: Partial<HostUsage> = {}) =>
  sizeAdvice(hostOf(vms, over), 'qemu:///system', () => true);
const adviceOf = (vm: VmUsage, over: Partial<HostUsage> = {}): readonly Advice[] =>
  answerOf([vm], over).advice;
const commandsOf = (advice: Advice | undefined, remedy = 0): readonly string[] =>
  (advice?.remedies[remedy]?.steps ?? []).map(({ argv, vm }) =>
    argv.map((word) => (word === vm?.uuid ? vm.name : word)).join(' '),
  );

test('a VM that uses what it has is not advised on', () => {
  expect(answerOf([vmOf('fits')])).toEqual({
    state: 'nothing to do',
    advice: [],
    askAgainAfterSeconds: undefined,
    unknown: [],
  });
});

test('vCPUs that are never used are too many: those of the highest five minutes and 15 % are enough', () => {
  // One hour per week, on the third day.
  const burst = (seconds: number) => (seconds > 2 * DAY && seconds <= 2 * DAY + 3_600 ? 3 : 0.5);
  const [found, ...more] = adviceOf(vmOf('idle', { cpu: cpuOf(burst) }));
  expect(more).toEqual([]);
  expect(found).toMatchObject({
    kind: 'vm-oversized',
    id: expect.stringMatching(/^vm-oversized:\d{8}:vcpus$/),
    severity: 'info',
    title: 'idle has 8 vCPUs, but needs only 4',
    victims: [{ name: 'idle', evidence: 'uses 3.00 CPUs at most' }],
    evidence: [
      {
        figure: 'CPU demand',
        statistic: 'p90',
        value: 0.5,
        unit: 'CPUs',
        samples: 2_016,
        spanMs: WEEK * 1_000,
      },
      { figure: 'CPU demand', statistic: 'maximum', value: 3 },
      { figure: 'CPU steal', statistic: 'p90', value: 0 },
    ],
  });
  expect(commandsOf(found)).toEqual(['virsh setvcpus idle 4 --config']);
  expect(found?.remedies[0]).toMatchObject({ effect: 'next boot', payers: [{ name: 'idle' }] });
});

test('a quarter has to be saved, or a VM keeps its vCPUs', () => {
  expect(adviceOf(vmOf('a', { cpu: cpuOf(() => 5.2) })).map(({ title }) => title)).toEqual([
    'a has 8 vCPUs, but needs only 6',
  ]);
  expect(adviceOf(vmOf('b', { cpu: cpuOf(() => 5.3) }))).toEqual([]);
  expect(adviceOf(vmOf('c', { vcpus: 1, cpu: cpuOf(() => 0) }))).toEqual([]);
});

test('what the highest sample of a range query misses still counts: the peak is of all samples', () => {
  expect(adviceOf(vmOf('a', { cpu: cpuOf(() => 1, { peakCpus: 6.5 }) }))).toEqual([]);
});

test('vCPUs that are all used for a tenth of the time are too few, and the host gives what it has', () => {
  const busy = vmOf('busy', { cpu: cpuOf(() => 7.9) });
  const [found] = adviceOf(busy);
  expect(found).toMatchObject({
    kind: 'vm-undersized',
    severity: 'warn',
    title: 'busy uses all of its 8 vCPUs',
    victims: [{ evidence: '7.90 of 8 CPUs' }],
  });
  expect(commandsOf(found)).toEqual([
    'virsh setvcpus busy 10 --maximum --config',
    'virsh setvcpus busy 10 --config',
  ]);
  expect(found?.remedies[0]?.cost).toContain("below 85 % of the host's CPUs, by 9.20 CPUs");
  // A demand of 27.2 of 32 CPUs is allowed.
  const [full] = adviceOf(busy, { demandP95Cpus: 25.5 });
  expect(full?.remedies[0]).toMatchObject({
    change: 'move it to a host that can give it 2.00 more CPUs; this one has 1.70 left',
    steps: [],
  });
  expect(commandsOf(adviceOf(busy, { cpus: 9, demandP95Cpus: 0 })[0])).toEqual([]);
  const [byHand] = adviceOf({ ...busy, hasTopology: true });
  expect(byHand?.remedies[0]).toMatchObject({ change: expect.stringContaining('by hand'), steps: [] });
});

test('the most vCPUs that a VM may have are raised where more are wanted, and never lowered', () => {
  const commandsAt = (maximumVcpus: number | undefined, over: Partial<VmUsage> = {}) =>
    commandsOf(adviceOf(vmOf('busy', { cpu: cpuOf(() => 7.9), maximumVcpus, ...over }))[0]);
  const online = 'virsh setvcpus busy 10 --config';
  expect(commandsAt(9)).toEqual(['virsh setvcpus busy 10 --maximum --config', online]);
  for (const maximum of [10, 16]) expect(commandsAt(maximum)).toEqual([online]);
  // Its topology already includes all vCPUs of the maximum.
  expect(commandsAt(16, { hasTopology: true, isLayoutKnown: false })).toEqual([online]);
  expect(commandsAt(undefined)).toEqual([]);
});

test('a transient VM has no command for a next start: libvirt forgets it before', () => {
  const asked: readonly Partial<VmUsage>[] = [
    { cpu: cpuOf(() => 7.9) },
    { cpu: cpuOf(() => 1) },
    { memory: memoryOf(() => 4) },
    { memory: memoryOf(() => 15, { swappingShare: 0.5, starvedShare: 0.5 }) },
  ];
  for (const over of asked) {
    const [found] = adviceOf(vmOf('transient', { ...over, isTransient: true }));
    expect(found?.remedies[0], found?.title).toMatchObject({
      change: expect.stringContaining('by hand, where it is created'),
      effect: 'next boot',
      steps: [],
    });
  }
  // A balloon can be set while it runs.
  const live = adviceOf(vmOf('transient', { memory: memoryOf(() => 4), isTransient: true }))[0];
  expect(commandsOf(live, 1)).toEqual(['virsh setmem transient 4980736 --live']);
});

test('a balloon is not inflated where it cannot return memory to the host', () => {
  const [found] = adviceOf(vmOf('passthrough', { memory: memoryOf(() => 4), isMemoryFixed: true }));
  expect(found?.remedies.map(({ effect }) => effect)).toEqual(['next boot']);
});

test('a VM that waits for the CPUs of its host does not get more vCPUs to wait with', () => {
  expect(adviceOf(vmOf('waits', { cpu: cpuOf(() => 7.9, { stealP90: 0.06 }) }))).toEqual([]);
});

test('a load of the last days counts more than one of the days before', () => {
  const grew = cpuOf((seconds) => (seconds > 6 * DAY ? 7.9 : 6));
  const fell = cpuOf((seconds) => (seconds <= DAY ? 7.9 : 6));
  expect(adviceOf(vmOf('grew', { cpu: grew })).map(({ kind }) => kind)).toEqual(['vm-undersized']);
  expect(adviceOf(vmOf('fell', { cpu: fell }))).toEqual([]);
});

test('a percentile weighs a figure half as much for each day of its age', () => {
  const day = (age: number, value: number) => ({ atSeconds: 10 * DAY - age * DAY, value });
  // Weights 1, 1/2 and 1/4.
  const three = [day(0, 1), day(1, 2), day(2, 3)];
  expect(decayedQuantile(three, 1 / 1.75)).toBe(1);
  expect(decayedQuantile(three, 0.6)).toBe(2);
  expect(decayedQuantile(three, 1.5 / 1.75)).toBe(2);
  expect(decayedQuantile(three, 0.9)).toBe(3);
  expect(decayedQuantile(three.toReversed(), 0.6)).toBe(2);
  expect(decayedQuantile([], 0.9)).toBeUndefined();
});

test('memory that is never used is too much: 15 % above the highest use is enough, rounded up to 256 MiB', () => {
  const vm = vmOf('large', {
    memory: memoryOf((day) => (day === 1 ? 6 : 2), { unseenBytes: 0.1 * GIB, cacheBytes: 4 * GIB }),
  });
  const [found, ...more] = adviceOf(vm);
  expect(more).toEqual([]);
  // 6.9 GiB, plus memory that the guest does not see.
  expect(found).toMatchObject({
    kind: 'vm-oversized',
    id: expect.stringMatching(/:memory$/),
    title: 'large has 16 GiB, but needs only 7 GiB',
    victims: [{ evidence: 'uses 6 GiB at most' }],
  });
  expect(commandsOf(found)).toEqual([
    'virsh setmem large 7340032 --config',
    'virsh setmaxmem large 7340032 --config',
  ]);
  expect(commandsOf(found, 1)).toEqual(['virsh setmem large 7340032 --live']);
  expect(found?.remedies[0]?.cost).toContain('Its guest keeps 921.6 MiB of 4 GiB page cache');
  expect(found?.remedies[0]?.gain).toBe('9 GiB for other VMs');
});

test('page cache that fits besides costs nothing, and unknown page cache is called unknown', () => {
  const costOf = (cacheBytes: number | undefined) =>
    adviceOf(vmOf('a', { memory: memoryOf(() => 6, { cacheBytes }) }))[0]?.remedies[0]?.cost;
  expect(costOf(0.5 * GIB)).toBe('none: its page cache still fits');
  expect(costOf(undefined)).toContain('is not known');
});

test('memory on huge pages does not leave by the balloon, and that of guest cells is divided by hand', () => {
  const memory = memoryOf(() => 4);
  const [huge] = adviceOf(vmOf('huge', { memory, isOnHugePages: true, hugePageBytes: GIB }));
  expect(huge?.remedies).toHaveLength(1);
  const [cells] = adviceOf(vmOf('cells', { memory, guestCells: 2 }));
  expect(cells?.remedies[0]).toMatchObject({ steps: [], change: expect.stringContaining('by hand') });
});

test('memory on huge pages becomes whole pages, and has no command where their size is not known', () => {
  const of = (hugePageBytes: number | undefined) =>
    adviceOf(vmOf('huge', { memory: memoryOf(() => 4.5), isOnHugePages: true, hugePageBytes }))[0];
  // 4.5 GiB plus 15 % are 5.175 GiB: 5.25 GiB in steps of 256 MiB.
  expect(commandsOf(of(2 * 1024 ** 2))).toContain(`virsh setmaxmem huge ${5.25 * 1_048_576} --config`);
  expect(commandsOf(of(0.5 * GIB))).toContain(`virsh setmaxmem huge ${5.5 * 1_048_576} --config`);
  expect(commandsOf(of(GIB))).toEqual([
    `virsh setmem huge ${6 * 1_048_576} --config`,
    `virsh setmaxmem huge ${6 * 1_048_576} --config`,
  ]);
  expect(of(undefined)?.remedies).toMatchObject([
    { steps: [], change: expect.stringContaining('by hand: it has to be whole huge pages') },
  ]);
});

test('where neither huge pages nor cells are exported, sizes are changed by hand, but for fewer vCPUs', () => {
  const of = (over: Partial<VmUsage>) => adviceOf(vmOf('a', { ...over, isLayoutKnown: false }));
  const [small] = of({ memory: memoryOf(() => 4) });
  expect(small?.remedies).toMatchObject([{ steps: [], change: expect.stringContaining('group tuning') }]);
  const [grown] = of({ memory: memoryOf(() => 15, { swappingShare: 0.5, starvedShare: 0.5 }) });
  expect(grown?.remedies[0]).toMatchObject({ steps: [], change: expect.stringContaining('group tuning') });
  expect(of({ cpu: cpuOf(() => 8) })[0]?.remedies[0]?.steps).toEqual([]);
  expect(commandsOf(of({ cpu: cpuOf(() => 1) })[0])).toEqual(['virsh setvcpus a 2 --config']);
});

test('a guest that swapped or had nothing usable at any time is not too large', () => {
  for (const over of [{ swappingShare: 0.001 }, { lowShare: 0.001 }])
    expect(adviceOf(vmOf('a', { memory: memoryOf(() => 4, over) }))).toEqual([]);
});

test('a guest that swaps for a tenth of the time gets a fifth more, if the host has it at its worst hour', () => {
  const vm = vmOf('small', {
    memory: memoryOf(() => 15, { swappingShare: 0.5, starvedShare: 0.1, lowShare: 0.02 }),
  });
  const [found] = adviceOf(vm);
  expect(found).toMatchObject({
    kind: 'vm-undersized',
    title: 'small lacks memory: it has 16 GiB',
    victims: [
      {
        evidence: 'swaps in for lack of memory for 10.0 % of the time, has almost no usable memory for 2.0 %',
      },
    ],
    cause: 'its processes need more than the VM may have',
  });
  // 19.2 GiB, in steps of 256 MiB.
  expect(commandsOf(found)).toEqual([
    'virsh setmaxmem small 20185088 --config',
    'virsh setmem small 20185088 --config',
  ]);
  // 64 GiB minus a twentieth of 128 GiB and 3.25 GiB.
  expect(found?.remedies[0]?.cost).toContain('the host keeps 54.4 GiB above its reserve');
  const [full] = adviceOf(vm, { availableBytes: 9.6 * GIB });
  expect(full?.remedies[0]).toMatchObject({
    change: 'move it to a host that can give it 3.25 GiB more; this one has 3.20 GiB left above its reserve',
    steps: [],
  });
  expect(commandsOf(adviceOf(vm, { availableBytes: undefined })[0])).toEqual([]);
  for (const over of [{ guestCells: 1 }, { isOnHugePages: true }])
    expect(adviceOf({ ...vm, ...over })[0]?.remedies[0]).toMatchObject({
      steps: [],
      change: expect.stringContaining('by hand'),
    });
});

test('commands name VMs by UUID, and there are none for a host whose URI is not known', () => {
  const vm = vmOf('idle', { cpu: cpuOf(() => 0.5), memory: memoryOf(() => 2) });
  const stepsOf = (uri: string | undefined) =>
    sizeAdvice(hostOf([vm]), uri, () => true).advice.flatMap(({ remedies }) =>
      remedies.flatMap(({ steps }) => steps.map(({ argv }) => argv)),
    );
  const steps = stepsOf('qemu+ssh://kvm2/system');
  expect(steps).toHaveLength(4);
  for (const argv of steps) {
    expect(argv.slice(0, 3)).toEqual(['virsh', '-c', 'qemu+ssh://kvm2/system']);
    expect(argv[4]).toBe(vm.uuid);
  }
  expect(stepsOf(undefined)).toEqual([]);
  const [first] = sizeAdvice(hostOf([vm]), undefined, () => true).advice;
  expect(first?.remedies[0]?.change).toContain('give the URI of the host with -c');
});

test('a guest that swaps in now and then, and has enough usable, lacks no memory', () => {
  expect(adviceOf(vmOf('wakes', { memory: memoryOf(() => 15, { swappingShare: 0.9 }) }))).toEqual([]);
});

test('a balloon that holds back what a guest lacks is deflated', () => {
  const memory = memoryOf(() => 7, { lowShare: 0.5 });
  const [found] = adviceOf(vmOf('squeezed', { currentBytes: 8 * GIB, memory }));
  expect(found?.cause).toBe('its balloon holds memory that the guest needs');
  expect(commandsOf(found)).toEqual(['virsh setmem squeezed 16777216 --live']);
  expect(found?.remedies[0]?.effect).toBe('live');
});

test('less than a week is not enough to take something away, and less than a day not enough to give', () => {
  const idle = vmOf('idle', { cpu: cpuOf(() => 0.5, {}, 6 * DAY), memory: memoryOf(() => 2, {}, 6 * DAY) });
  expect(answerOf([idle], since(6 * DAY))).toMatchObject({
    state: 'not enough evidence',
    advice: [],
    askAgainAfterSeconds: DAY,
    unknown: [expect.stringContaining('what VMs do not need: 6d of series are too short; 7d are the least')],
  });
  const busy = (days: number) => vmOf('busy', { cpu: cpuOf(() => 8, {}, days * DAY), memory: undefined });
  expect(answerOf([busy(1)], since(DAY))).toMatchObject({
    state: 'advice',
    advice: [{ kind: 'vm-undersized' }],
    askAgainAfterSeconds: 6 * DAY,
  });
  expect(answerOf([busy(0.5)], since(DAY / 2))).toMatchObject({
    state: 'not enough evidence',
    unknown: [expect.stringContaining('a day is the least'), 'memory in guests: not recorded: busy'],
  });
});

test('what is not known for nearly all of the range does not count, and the answer says of which VMs', () => {
  const gaps = vmOf('gaps', {
    cpu: cpuOf(() => 0.5, { knownSeconds: 6 * DAY }),
    memory: memoryOf(() => 1, { knownSeconds: 0 }),
  });
  const others = Array.from({ length: 6 }, (_, index) =>
    vmOf(`silent-${index}`, { memory: undefined, unsure: undefined }),
  );
  const resized = vmOf('resized', { cpu: cpuOf(() => 0.5), unsure: 'its size was changed within the range' });
  expect(answerOf([gaps, ...others, resized])).toMatchObject({
    state: 'nothing to do',
    unknown: [
      'CPU demand: known for less than 90 % of the range: gaps',
      'memory in guests: known for less than 90 % of the range: gaps',
      'memory in guests: not recorded: silent-0, silent-1, silent-2, silent-3, silent-4 and 1 more',
      'what VMs need: its size was changed within the range: resized',
    ],
  });
});

test('VMs that lack something come first, and only those that are asked for', () => {
  const vms = [vmOf('idle', { cpu: cpuOf(() => 1) }), vmOf('busy', { cpu: cpuOf(() => 8) })];
  expect(answerOf(vms).advice.map(({ kind }) => kind)).toEqual(['vm-undersized', 'vm-oversized']);
  const only = sizeAdvice(hostOf(vms), 'qemu:///system', ({ name }) => name === 'idle');
  expect(only.advice.map(({ victims }) => victims[0]?.name)).toEqual(['idle']);
});

test('of any host and VMs, no size is below a peak, and all together get no more than the host has', () => {
  const share = fc.double({ min: 0, max: 1, noNaN: true });
  const vm = fc.record({
    vcpus: fc.integer({ min: 1, max: 32 }),
    gib: fc.integer({ min: 1, max: 64 }),
    balloon: fc.double({ min: 0.3, max: 1, noNaN: true }),
    cpu: share,
    peak: share,
    used: share,
    unseen: fc.double({ min: 0, max: 0.1, noNaN: true }),
    swapping: fc.oneof(fc.constant(0), share),
    hugePageGib: fc.constantFrom(undefined, 1 / 512, 0.5, 1),
  });
  fc.assert(
    fc.property(fc.array(vm, { maxLength: 12 }), share, share, (drawn, demand, available) => {
      const vms = drawn.map((each, index) => {
        const currentBytes = each.balloon * each.gib * GIB;
        const peak = Math.max(each.cpu, each.peak) * each.vcpus;
        return vmOf(`vm-${index}`, {
          vcpus: each.vcpus,
          maximumBytes: each.gib * GIB,
          currentBytes,
          isOnHugePages: each.hugePageGib !== undefined,
          hugePageBytes: each.hugePageGib === undefined ? undefined : each.hugePageGib * GIB,
          cpu: {
            ...cpuOf(() => each.cpu * each.vcpus),
            demand: points(() => each.cpu * each.vcpus, DAY),
            peakCpus: peak,
          },
          memory: memoryOf(() => (each.used * currentBytes) / GIB, {
            swappingShare: each.swapping,
            starvedShare: each.swapping,
            unseenBytes: each.unseen * currentBytes,
          }),
        });
      });
      const host = { demandP95Cpus: demand * 32, availableBytes: available * 128 * GIB };
      let [cpus, bytes] = [0, 0];
      for (const { kind, victims, remedies } of answerOf(vms, host).advice) {
        const of = vms.find(({ uuid }) => uuid === victims[0]?.uuid) ?? expect.unreachable();
        for (const { argv } of remedies.flatMap(({ steps }) => steps)) {
          const value = Number(argv[3]);
          if (argv[1] === 'setvcpus') {
            expect(value).toBeGreaterThanOrEqual(of.cpu?.peakCpus ?? 0);
            if (kind === 'vm-oversized') expect(value).toBeLessThan(of.vcpus);
            else if (!argv.includes('--maximum')) cpus += value - of.vcpus;
          } else {
            const { peakBytes = 0, unseenBytes = 0 } = of.memory ?? {};
            expect(value * 1_024).toBeGreaterThanOrEqual(peakBytes + unseenBytes - 1_024);
            if (kind === 'vm-oversized') expect((value * 1_024) % (of.hugePageBytes ?? 1)).toBe(0);
            if (kind === 'vm-undersized' && argv[1] === 'setmem') bytes += value * 1_024 - of.currentBytes;
          }
        }
      }
      expect(cpus).toBeLessThanOrEqual(Math.max(0, 0.85 * 32 - host.demandP95Cpus));
      expect(bytes).toBeLessThanOrEqual(Math.max(0, host.availableBytes - 0.05 * 128 * GIB));
    }),
    { numRuns: 60 },
  );
});

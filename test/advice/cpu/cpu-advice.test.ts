import { expect, test } from 'vitest';
import type { Advice } from '../../../advice/advice.ts';
import { CpuLoad } from '../../../advice/cpu-load.ts';
import { advise } from '../../../advice/engine.ts';
import type { HostObservation } from '../../../advice/observation.ts';
import { Series } from '../../../advice/series.ts';
import { CpuSet } from '../../../model/cpu-set.ts';
import { every, hostOf, type MadeVm, sharesOf, vmOf } from '../made-host.ts';

const cpuAdvice = (observation: HostObservation): readonly Advice[] =>
  advise(observation, { minSamples: 5 }).filter(({ kind }) => /cpu|wide-vm/.test(kind));
const kindsOf = (observation: HostObservation): string[] => cpuAdvice(observation).map(({ kind }) => kind);
const commandsOf = (advice: Advice | undefined, remedy = 0): string[] =>
  (advice?.remedies[remedy]?.steps ?? []).map(({ argv }) => argv.slice(1).join(' '));

const QUOTA = { vcpuPeriodUs: 100_000, globalPeriodUs: 100_000 };

test('a quota of the whole VM limits its vCPUs together, one of vCPUs each of them', () => {
  const places = [
    { vcpus: 3, pins: '0-3', run: 0.6, delay: 0.6 },
    { vcpus: 1, pins: '4', run: 0.2, delay: 0.2 },
  ];
  const caps = (quota: { vcpuCpus?: number; globalCpus?: number }) =>
    CpuLoad.of(hostOf([vmOf('a', { places, quota })]))?.loads.map(({ cap }) => cap);
  const none = Number.POSITIVE_INFINITY;
  expect(caps({ globalCpus: 2 })).toEqual([1.5, 0.5, none]);
  expect(caps({ vcpuCpus: 0.4 })?.map((cap) => Math.round(cap * 10))).toEqual([12, 4, none]);
  // The stricter one applies.
  expect(caps({ vcpuCpus: 0.9, globalCpus: 2 })).toEqual([1.5, 0.5, none]);
  expect(caps({})).toEqual([none, none, none]);
});

test('a quota of vCPUs is raised to a quarter above the demand, and one that would allow all is removed', () => {
  const of = (run: number, delay: number) =>
    vmOf('held', {
      places: [{ vcpus: 2, run, delay }],
      quota: { ...QUOTA, vcpuCpus: run / 2 },
      throttled: every(0.9),
    });
  const [found] = cpuAdvice(hostOf([of(0.4, 0.6)]));
  expect(found).toMatchObject({
    kind: 'cpu-quota',
    cause: 'held has a demand of 1.00 CPUs, and its quota allows 0.40',
    remedies: [{ effect: 'live' }, { change: 'keep the quota: it does what it was set for', steps: [] }],
  });
  expect(commandsOf(found)).toEqual(['schedinfo held --set vcpu_quota=62500 --live --config']);
  // A demand of 1.6 plus a quarter is 2 CPUs, the most that 2 vCPUs can use.
  expect(commandsOf(cpuAdvice(hostOf([of(0.6, 1)]))[0])).toEqual([
    'schedinfo held --set vcpu_quota=-1 --live --config',
  ]);
});

test('a quota of the whole VM is raised with room for the threads of QEMU', () => {
  const held = vmOf('held', {
    places: [{ vcpus: 4, run: 1, delay: 1 }],
    quota: { ...QUOTA, globalCpus: 1 },
    throttled: every(0.5),
  });
  expect(commandsOf(cpuAdvice(hostOf([held]))[0])).toEqual([
    'schedinfo held --set global_quota=275000 --live --config',
  ]);
});

test('a quota is kept where the CPUs for more would come from other VMs', () => {
  const held = vmOf('held', {
    places: [{ vcpus: 4, run: 0.5, delay: 3 }],
    quota: { ...QUOTA, vcpuCpus: 0.125 },
    throttled: every(1),
  });
  const others = [0, 1, 2].map((index) => vmOf(`other-${index}`, { places: [{ vcpus: 4, run: 2.4 }] }));
  const [found] = cpuAdvice(hostOf([held, ...others]));
  expect(found).toMatchObject({ kind: 'cpu-quota', remedies: [{ change: expect.stringContaining('keep') }] });
});

test('without control groups, a quota holds a VM that uses nearly all of it', () => {
  const of = (run: number, throttled = new Series()) =>
    vmOf('a', {
      places: [{ vcpus: 1, run, delay: 0.3 }],
      quota: { ...QUOTA, vcpuCpus: 0.5 },
      throttled,
    });
  expect(kindsOf(hostOf([of(0.46)]))).toEqual(['cpu-quota']);
  expect(kindsOf(hostOf([of(0.4)]))).toEqual(['cpu-steal']);
  // The control group's counters take precedence.
  expect(kindsOf(hostOf([of(0.46, every(0.01))]))).toEqual(['cpu-steal']);
  expect(kindsOf(hostOf([of(0.2, every(0.06))]))).toEqual(['cpu-quota']);
});

test('more vCPUs than the host has CPUs wait for each other if they are busy', () => {
  const wide = (vcpus: number, demand: number) =>
    hostOf([vmOf('wide', { places: [{ vcpus, run: 0.7 * demand, delay: 0.3 * demand }] })]);
  expect(kindsOf(wide(10, 8))).toEqual(['wide-vm']);
  expect(kindsOf(wide(8, 8))).toEqual(['cpu-overcommit']);
  expect(kindsOf(wide(10, 6))).toEqual(['cpu-steal']);
});

test('from nine tenths of the CPUs in demand on, waiting is overcommit; below it has no visible cause', () => {
  const of = (demand: number) =>
    hostOf([
      vmOf('a', { places: [{ vcpus: 4, run: 1, delay: 1 }] }),
      vmOf('b', { places: [{ vcpus: 8, run: demand - 2 }] }),
    ]);
  expect(kindsOf(of(7.3))).toEqual(['cpu-overcommit']);
  expect(kindsOf(of(7.1))).toEqual(['cpu-steal']);
});

test('a VM waits where most of its delay is: on its pins, or where all run', () => {
  const of = (pinned: number, floating: number) =>
    hostOf([
      vmOf('a', {
        places: [
          { vcpus: 1, pins: '0', run: 0.5, delay: pinned },
          { vcpus: 3, run: 0.5, delay: floating },
        ],
      }),
      vmOf('rival', { places: [{ vcpus: 1, pins: '0', run: 0.5, delay: 0.01 }] }),
    ]);
  expect(kindsOf(of(0.3, 0.1))).toEqual(['dedicated-cpus-shared']);
  expect(kindsOf(of(0.25, 0.35))).toEqual(['cpu-steal']);
});

test('two VMs with the same dedicated CPU: the one that computes moves to a CPU of its cell', () => {
  const database = vmOf('db', { places: [{ vcpus: 1, pins: '0', run: 0.4, delay: 0.4 }], isDatabase: true });
  const batch = vmOf('batch', { places: [{ vcpus: 1, pins: '0', run: 0.6, delay: 0.4 }] });
  const [found, ...more] = cpuAdvice(hostOf([database, batch]));
  expect(more).toEqual([]);
  expect(found).toMatchObject({
    kind: 'dedicated-cpus-shared',
    remedies: [{ payers: [{ name: 'batch' }] }, {}],
  });
  expect(commandsOf(found)).toEqual(['vcpupin batch 0 1-3 --live --config']);
});

test('memory that is bound to cells binds vCPUs to their CPUs', () => {
  const of = (memory: NonNullable<MadeVm['memory']>) => {
    const a = vmOf('a', { places: [{ vcpus: 1, pins: '0', run: 0.4, delay: 0.4 }], isDatabase: true });
    const b = vmOf('b', { places: [{ vcpus: 1, pins: '0', run: 0.6, delay: 0.4 }], memory });
    return cpuAdvice(hostOf([a, b]))[0]?.remedies.flatMap(({ steps }) =>
      steps.filter(({ argv }) => argv[2] === 'b').map(({ argv }) => argv[4]),
    );
  };
  expect(of({ numaMode: 'strict', numaNodeset: CpuSet.parse('1') })).toEqual(['4-7']);
  expect(of({ memNodes: new Map([[0, CpuSet.parse('1')]]) })).toEqual(['4-7']);
  // A mode without cells, as set by automatic placement, does not bind it.
  expect(of({ numaMode: 'strict' })).toEqual(['1-3']);
  expect(of({ numaNodeset: CpuSet.parse('1') })).toEqual(['1-3']);
});

test('VMs on too few CPUs get those of their cell, of both cells only if one is not enough', () => {
  const of = (count: number) =>
    Array.from({ length: count }, (_, index) =>
      vmOf(`squeezed-${index}`, {
        places: [{ vcpus: 1, pins: '0-1', run: 2 / count, delay: 1 - 2 / count }],
      }),
    );
  const [near] = cpuAdvice(hostOf(of(3)));
  expect(near).toMatchObject({ kind: 'cpus-squeezed', remedies: [{ effect: 'live' }] });
  expect(commandsOf(near)).toEqual(
    [0, 1, 2].map((index) => `vcpupin squeezed-${index} 0 0-3 --live --config`),
  );
  const [far] = cpuAdvice(hostOf(of(6)));
  expect(far?.kind).toBe('cpus-squeezed');
  expect(new Set(commandsOf(far).map((command) => command.split(' ')[3]))).toEqual(new Set(['0-7']));
  expect(far?.remedies[0]?.risk).toContain('may be remote to vCPUs on another cell');
});

test('a VM with more vCPUs than pinned CPUs gets the rest of its cell first', () => {
  const wide = vmOf('wide', { places: [{ vcpus: 4, pins: '0-1', run: 2, delay: 2 }] });
  const [found] = cpuAdvice(hostOf([wide]));
  expect(found).toMatchObject({ kind: 'wide-vm', title: '4 vCPUs run on 2 CPUs, and wait for each other' });
  expect(commandsOf(found)).toEqual([0, 1, 2, 3].map((vcpu) => `vcpupin wide ${vcpu} 0-3 --live --config`));
  expect(commandsOf(found, 1)).toEqual(['setvcpus wide 2 --config']);
  const wider = vmOf('wider', { places: [{ vcpus: 6, pins: '0-1', run: 2, delay: 4 }] });
  expect(commandsOf(cpuAdvice(hostOf([wider]))[0])[0]).toBe('vcpupin wider 0 0-7 --live --config');
});

/** More demand than 8 CPUs: a database and batch VMs. */
function overcommitted(batches: number, demand: number, databaseDemand = 2) {
  const half = databaseDemand / 2;
  const database = vmOf('db', { places: [{ vcpus: 4, run: half, delay: half }], isDatabase: true });
  const batch = Array.from({ length: batches }, (_, index) =>
    vmOf(`batch-${index}`, { places: [{ vcpus: 4, run: 0.6 * demand, delay: 0.4 * demand }] }),
  );
  return [database, ...batch];
}

test('of an overcommitted host, batch VMs get a smaller part of the shares that they have, as little as helps', () => {
  const vms = overcommitted(3, 3.4);
  const [found] = cpuAdvice(hostOf(vms, { shares: sharesOf(vms, { 'batch-1': 2_048 }) }));
  expect(found?.kind).toBe('cpu-overcommit');
  // With 1024 of 5120 shares the database gets 1.6 of 8 CPUs; with 1024 of 3072 it gets its full demand of 2.
  expect(commandsOf(found)).toEqual([
    'schedinfo batch-0 --set cpu_shares=512 --live',
    'schedinfo batch-1 --set cpu_shares=1024 --live',
    'schedinfo batch-2 --set cpu_shares=512 --live',
  ]);
  // 1024 of 5632 shares, and then of 3328: not enough yet.
  const many = overcommitted(9, 1.9);
  expect(commandsOf(cpuAdvice(hostOf(many, { shares: sharesOf(many) }))[0])[0]).toBe(
    'schedinfo batch-0 --set cpu_shares=256 --live',
  );
});

test('what a few VMs pay is named for each, and of more the range', () => {
  const costOf = (batches: number, demand: number) => {
    const vms = overcommitted(batches, demand, 4);
    return cpuAdvice(hostOf(vms, { shares: sharesOf(vms) }))[0]?.remedies[0]?.cost;
  };
  expect(costOf(3, 3.4)).toBe(
    'batch-0 gets 39.2 % of its demand instead of 58.8 %; batch-1 gets 39.2 % of its demand instead of 58.8 %; batch-2 gets 39.2 % of its demand instead of 58.8 %',
  );
  expect(costOf(4, 2.6)).toBe('4 VMs get 38.5 % of their demand; now batch-0 gets 61.5 %');
});

test('a share that would leave a batch VM no progress is not proposed, and shares of VMs that are not known have no number', () => {
  const vms = overcommitted(3, 3.4);
  expect(commandsOf(cpuAdvice(hostOf(vms))[0])).toEqual([]);
  const without = new Map([...sharesOf(vms)].slice(0, -1));
  expect(commandsOf(cpuAdvice(hostOf(vms, { shares: without }))[0])).toEqual([]);
});

test('a VM that waits within its share: what leaves comes first, and what fewer shares of others bring is unknown', () => {
  // It has a demand of 0.42 of 8 CPUs, and waits for the running threads when its vCPUs wake up.
  const database = vmOf('db', { places: [{ vcpus: 2, run: 0.3, delay: 0.12 }], isDatabase: true });
  const batch = [0, 1].map((index) =>
    vmOf(`batch-${index}`, { places: [{ vcpus: 4, run: 3.8, delay: 0.1 }] }),
  );
  const vms = [database, ...batch];
  const [found] = cpuAdvice(hostOf(vms, { shares: sharesOf(vms) }));
  expect(found?.remedies).toMatchObject([
    {
      change: expect.stringContaining('to another host'),
      gain: expect.stringMatching(/^CPU contention of the victims falls from 28\.6 % to about 0\.0 %/),
    },
    {
      change: 'give batch-0, batch-1 1/4 of their current CPU shares',
      gain: expect.stringMatching(/^unknown: these VMs already get the CPU time that their shares allow/),
    },
  ]);
  expect(commandsOf(found, 1)).toEqual([
    'schedinfo batch-0 --set cpu_shares=256 --live',
    'schedinfo batch-1 --set cpu_shares=256 --live',
  ]);
});

test('fewer shares are not tried where batch VMs get next to nothing already', () => {
  const database = vmOf('db', { places: [{ vcpus: 2, run: 0.3, delay: 0.12 }], isDatabase: true });
  const batch = Array.from({ length: 8 }, (_, index) =>
    vmOf(`batch-${index}`, { places: [{ vcpus: 8, run: 0.9, delay: 6.9 }] }),
  );
  const vms = [database, ...batch];
  const [found] = cpuAdvice(hostOf(vms, { shares: sharesOf(vms) }));
  expect(found?.kind).toBe('cpu-overcommit');
  expect(found?.remedies.filter(({ change }) => change.startsWith('give'))).toEqual([]);
});

test('what the host runs itself has the weight of all its VMs together', () => {
  const servedOf = (hostCpus: number) => {
    const vms = [0, 1].map((index) => vmOf(`vm-${index}`, { places: [{ vcpus: 8, run: 4, delay: 4 }] }));
    const load = CpuLoad.of(hostOf(vms, { hostCpus }));
    return [...(load?.served().values() ?? [])].map(({ served }) => Number(served.toFixed(3)));
  };
  expect(servedOf(3)).toEqual([2.5, 2.5]);
  expect(servedOf(6)).toEqual([2, 2]);
});

test('a VM that does not run asks for no CPUs, whatever it asked for before', () => {
  const stopped = { ...vmOf('stopped', { places: [{ vcpus: 4, run: 4 }] }), running: false };
  const load = CpuLoad.of(hostOf([stopped, vmOf('runs', { places: [{ vcpus: 2, run: 1 }] })]));
  expect(load?.of(stopped)).toEqual([]);
  expect(load?.loads).toHaveLength(2);
});

test('VMs that make no room do not move, and none does where the host itself asks for more than it has', () => {
  const moveOf = (hostCpus: number) => {
    const vms = [
      vmOf('web', { places: [{ vcpus: 4, run: 2, delay: 1 }] }),
      vmOf('idle', { places: [{ vcpus: 2, run: 0.05 }] }),
      vmOf('other', { places: [{ vcpus: 4, run: 2, delay: 1 }] }),
    ];
    const [found] = cpuAdvice(hostOf(vms, { hostCpus }));
    return found?.remedies.find(({ change }) => change.startsWith('move'))?.change;
  };
  expect(moveOf(3)).toMatch(/^move (web|other) to another host: their demand is 3\.00 CPUs$/);
  expect(moveOf(6)).toBe('move web, other to another host: their demand is 6.00 CPUs');
  expect(moveOf(9)).toBeUndefined();
});

import { expect, test } from 'vitest';
import { advise } from '../../advice/engine.ts';
import type { ObservedVm } from '../../advice/observation.ts';
import { Series } from '../../advice/series.ts';
import { every, hostOf, vmOf } from './made-host.ts';

const MIB = 1_048_576;
const IDLE = { places: [{ vcpus: 2, run: 0.05 }] };

/** A VM with a disk in one folder, and what it does there. */
function withDisk(
  name: string,
  figures: { requests: number; mib: number; latencyMs: number; flushes?: number; limitUse?: Series },
  run = 0.05,
): ObservedVm {
  const { requests, mib, latencyMs, flushes = 0, limitUse = new Series() } = figures;
  const vm = vmOf(name, { places: [{ vcpus: 2, run }] });
  const disk = {
    target: 'vda',
    source: { kind: 'file', name: `/images/${name}` },
    limits: limitUse.count > 0 ? new Map([['total_bytes_sec', MIB]]) : new Map(),
    backingDepth: 0,
  };
  const series = {
    requests: every(requests),
    flushes: every(flushes),
    bytes: every(mib * MIB),
    latencyMs: every(latencyMs),
    flushLatencyMs: new Series(),
    inFlight: every(0.5),
    errors: every(0),
    limitUse,
  };
  return {
    ...vm,
    facts: { ...vm.facts, disks: [disk] },
    disks: new Map([['vda', series]]),
  } as unknown as ObservedVm;
}

const storageAdvice = (vms: readonly ObservedVm[]) =>
  advise(hostOf(vms), { minSamples: 5 }).filter(({ kind }) => /storage|disk-slow|disk-limit/.test(kind));

test('VMs that use most of a storage are culprits and not hurt, and the cost is what the commands leave to them', () => {
  const heavy = ['a', 'b'].map((name) =>
    withDisk(`heavy-${name}`, { requests: 200, mib: 100.5, latencyMs: 90 }, 1),
  );
  const web = withDisk('web', { requests: 50, mib: 1, latencyMs: 80 });
  const [found, ...more] = storageAdvice([...heavy, web]);
  expect(more).toEqual([]);
  expect(found).toMatchObject({
    kind: 'storage-hot-spot',
    title: 'a VM waits for the storage /images',
    victims: [{ name: 'web' }],
    culprits: [{ name: 'heavy-a' }, { name: 'heavy-b' }],
    harm: 0.5,
  });
  const remedy = found?.remedies[0] ?? expect.unreachable();
  const limits = remedy.steps.map(({ argv }) => Number(argv[5]) / MIB);
  expect(limits).toEqual([60, 60]);
  expect(remedy.cost).toBe(
    'heavy-a has 60 MiB/s instead of 100.5 MiB/s; heavy-b has 60 MiB/s instead of 100.5 MiB/s',
  );
  expect(remedy.change).toBe('limit heavy-a, heavy-b to 120 MiB/s together');
});

test('where only heavy users wait, they are hurt', () => {
  const heavy = ['a', 'b'].map((name) => withDisk(name, { requests: 200, mib: 100, latencyMs: 90 }, 1));
  expect(storageAdvice(heavy)).toMatchObject([
    { kind: 'storage-hot-spot', title: '2 VMs wait for the storage /images', victims: [{}, {}], harm: 1 },
  ]);
});

test('one figure of a limit, of 5 s at least, shows that it is the limit', () => {
  const of = (limitUse: Series) =>
    storageAdvice([withDisk('a', { requests: 4, mib: 1, latencyMs: 250, limitUse })]);
  expect(of(Series.of([0.95]))).toMatchObject([{ kind: 'disk-limit' }]);
  expect(of(Series.of([0.8]))).toMatchObject([{ kind: 'disk-slow' }]);
  expect(of(new Series())).toMatchObject([{ kind: 'disk-slow' }]);
});

test('of several deep chains of a VM, the deepest is the evidence', () => {
  const vm = vmOf('deep', IDLE);
  const disks = [4, 6, 5].map((backingDepth, index) => ({
    target: `vd${index}`,
    backingDepth,
    limits: new Map(),
  }));
  const found = advise(hostOf([{ ...vm, facts: { ...vm.facts, disks } } as unknown as ObservedVm]), {
    minSamples: 5,
  });
  expect(found.find(({ kind }) => kind === 'backing-chain-deep')?.victims).toMatchObject([
    { evidence: '6 backing images' },
  ]);
});

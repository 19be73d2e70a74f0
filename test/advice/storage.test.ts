import { expect, test } from 'vitest';
import { advise } from '../../advice/engine.ts';
import type { HostObservation, ObservedVm } from '../../advice/observation.ts';
import { Series } from '../../advice/series.ts';
import { every, hostOf, vmOf } from './made-host.ts';

const MIB = 1_048_576;

/** A VM with a disk in one folder, and its load there. */
function withDisk(
  name: string,
  figures: {
    requests: number;
    mib: number;
    latencyMs: number;
    flushes?: number;
    limitUse?: Series;
    limitMib?: number;
    limitGroup?: string;
    throttleGroup?: string;
    source?: (vm: ObservedVm) => { kind: string; name: string; protocol?: string };
    serial?: string;
  },
  run = 0.05,
): ObservedVm {
  const {
    requests,
    mib,
    latencyMs,
    flushes = 0,
    limitUse = new Series(),
    limitGroup,
    throttleGroup,
  } = figures;
  const limitMib = figures.limitMib ?? (limitUse.count > 0 ? 1 : undefined);
  const vm = vmOf(name, { places: [{ vcpus: 2, run }] });
  const disk = {
    target: 'vda',
    source: figures.source?.(vm) ?? { kind: 'file', name: `/images/${name}` },
    serial: figures.serial,
    limits: new Map(limitMib === undefined ? [] : [['total_bytes_sec', limitMib * MIB]]),
    limitGroup,
    throttleGroups: throttleGroup && [{ name: throttleGroup, limits: new Map() }],
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
  // 60 % of 202 MiB/s minus three times the throughput of web, divided by two, in steps of 64 KiB.
  expect(limits).toEqual([59.0625, 59.0625]);
  expect(remedy.cost).toBe(
    'heavy-a has 59.1 MiB/s instead of 100.5 MiB/s; heavy-b has 59.1 MiB/s instead of 100.5 MiB/s',
  );
  expect(remedy.change).toBe('limit heavy-a, heavy-b to 118.1 MiB/s together');
  expect(remedy.risk).toContain('Limits last until the next start of a VM, or until --total-bytes-sec 0');
});

const file = (name: string) => ({ kind: 'file', name });
const folders: readonly [string, (vm: ObservedVm) => string, string][] = [
  ['its UUID', ({ uuid }) => `/nova/instances/${uuid}/disk`, '/nova/instances'],
  ['its name', ({ name }) => `/srv/vms/${name}/disks/root.qcow2`, '/srv/vms'],
  ['the serial of its disk', ({ name }) => `/rhev/nfs/images/serial-${name}/volume`, '/rhev/nfs/images'],
];
test.each(folders)(
  'VMs with a folder each, named after %s, share the storage above it',
  (_, path, shared) => {
    const at = (name: string) => ({ source: (vm: ObservedVm) => file(path(vm)), serial: `serial-${name}` });
    const heavy = withDisk('heavy', { requests: 200, mib: 100, latencyMs: 90, ...at('heavy') }, 1);
    const web = ['a', 'b'].map((name) =>
      withDisk(name, { requests: 50, mib: 1, latencyMs: 80, ...at(name) }),
    );
    expect(storageAdvice([heavy, ...web])).toMatchObject([
      {
        kind: 'storage-hot-spot',
        title: `2 VMs wait for the storage ${shared}`,
        culprits: [{ name: 'heavy' }],
      },
    ]);
  },
);

test('a folder that says nothing of its only VM, such as a mount, is a storage by itself', () => {
  const on = (name: string, folder: string, mib: number) =>
    withDisk(name, { requests: 50, mib, latencyMs: 80, source: () => file(`${folder}/disk.img`) });
  expect(storageAdvice([on('a', '/mnt/ssd1', 1), on('b', '/mnt/ssd2', 100)])).toMatchObject([
    { kind: 'disk-slow' },
    { kind: 'disk-slow' },
  ]);
});

test('a limit is not raised while a disk that may be on the same storage is slow', () => {
  const held = (source?: { kind: string; name: string; protocol?: string }) =>
    withDisk('held', {
      requests: 20,
      mib: 1,
      latencyMs: 200,
      limitUse: every(1),
      ...(source === undefined ? {} : { source: () => source }),
    });
  const slow = withDisk('slow', {
    requests: 50,
    mib: 1,
    latencyMs: 80,
    source: () => file('/mnt/ssd2/disk'),
  });
  const changesOf = (...vms: readonly ObservedVm[]) =>
    storageAdvice(vms)
      .find(({ kind }) => kind === 'disk-limit')
      ?.remedies.map(({ change }) => change);
  expect(changesOf(held())).toEqual([expect.stringMatching(/^double the limit/), expect.any(String)]);
  expect(changesOf(held(), slow)).toHaveLength(1);
  expect(changesOf(held({ kind: 'block', name: '/dev/vg0/held' }), slow)).toHaveLength(1);
  expect(changesOf(held({ kind: 'network', name: 'rbd:vms/held', protocol: 'rbd' }), slow)).toHaveLength(2);
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

/** A VM that waits because of batch VMs on slow storage. */
const slowStorage = (...heavy: readonly ObservedVm[]) => {
  const web = withDisk('web', { requests: 50, mib: 0.05, latencyMs: 80 });
  return storageAdvice([...heavy, web]).find(({ kind }) => kind === 'storage-hot-spot');
};
const batch = (
  name: string,
  mib: number,
  over: { limitMib?: number; limitGroup?: string; throttleGroup?: string } = {},
) => withDisk(name, { requests: 200, mib, latencyMs: 90, ...over }, 1);

test('a limit for a culprit is below the one that it has, which is named to undo it', () => {
  const remedy = slowStorage(batch('a', 1.9, { limitMib: 2 }), batch('b', 4))?.remedies[0];
  const limits = new Map(remedy?.steps.map(({ argv }) => [argv[2], Number(argv[5]) / MIB]));
  // 0.58 of 1.9 and of 4 MiB/s: rounded up to whole MiB, the first one would equal its present limit.
  expect([...limits]).toEqual([
    ['b', 2.3125],
    ['a', 1.0625],
  ]);
  expect(remedy?.risk).toContain(
    'or until --total-bytes-sec 2097152 for a vda, --total-bytes-sec 0 for the others',
  );
});

test('a limit that would not be lower is not set', () => {
  const remedy = slowStorage(batch('small', 0.9), batch('lower', 3, { limitMib: 1 }), batch('b', 4))
    ?.remedies[0];
  expect(remedy?.steps.map(({ argv }) => argv[2])).toEqual(['b']);
  expect(remedy?.payers.map(({ name }) => name)).toEqual(['b']);
});

test('a disk that shares its limits with others is not limited: the command would limit them all together', () => {
  const remedy = slowStorage(batch('group', 8, { limitMib: 9, limitGroup: 'g' }), batch('b', 4))?.remedies[0];
  expect(remedy?.steps.map(({ argv }) => argv[2])).toEqual(['b']);
});

test('a disk with throttle filters is not limited: libvirt refuses that', () => {
  for (const limitMib of [9, undefined]) {
    const filtered = batch('filtered', 8, { throttleGroup: 'g', ...(limitMib && { limitMib }) });
    const remedy = slowStorage(filtered, batch('b', 4))?.remedies[0];
    expect(remedy?.steps.map(({ argv }) => argv[2])).toEqual(['b']);
  }
});

test('disks of a pool that is mounted in the folder of another wait for that pool, in whatever order they are listed', () => {
  const slow = { requests: 50, mib: 1, latencyMs: 80 };
  const busy = withDisk('busy', { requests: 500, mib: 100, latencyMs: 2 }, 1);
  const host = hostOf([withDisk('nfs/a', slow), withDisk('nfs/b', slow), busy]);
  const pools = [
    { name: 'default', path: '/images' },
    { name: 'nfs', path: '/images/nfs' },
  ];
  for (const listed of [pools, pools.toReversed()]) {
    const newest = { ...host.newest, host: { ...host.newest.host, pools: listed } };
    const found = advise({ ...host, newest } as unknown as HostObservation, { minSamples: 5 });
    expect(found.find(({ kind }) => kind === 'storage-hot-spot')).toMatchObject({
      title: '2 VMs wait for the storage pool nfs',
      culprits: [{ name: 'nfs/a' }, { name: 'nfs/b' }],
    });
  }
});

import { expect, test } from 'vitest';
import { advise } from '../../advice/engine.ts';
import type { ObservedVm } from '../../advice/observation.ts';
import { Series } from '../../advice/series.ts';
import { ParamType } from '../../libvirt/typed-params.ts';
import { parseDomain } from '../../model/domain/domain.ts';
import { every, hostOf, vmOf } from './made-host.ts';
import { startCase } from './scenarios/case.ts';
import { runVirsh } from './scenarios/commands.ts';
import { Draft } from './scenarios/draft.ts';

const MIB = 1_048_576;
const LIVE = 1;

/** A VM whose disks are slow because they reach their limits. */
function limitedVm(
  limits: Readonly<Record<string, number>>,
  targets: readonly string[] = ['vda'],
  limitGroup?: string,
): ObservedVm {
  const vm = vmOf('limited', { places: [{ vcpus: 2, run: 0.05 }] });
  const disks = targets.map((target) => ({
    target,
    source: { kind: 'file', name: `/images/limited-${target}` },
    limits: new Map(Object.entries(limits)),
    limitGroup,
    backingDepth: 0,
  }));
  const series = {
    requests: every(20),
    flushes: every(0),
    bytes: every(MIB),
    latencyMs: every(200),
    flushLatencyMs: new Series(),
    inFlight: every(1),
    errors: every(0),
    limitUse: every(1),
  };
  return {
    ...vm,
    facts: { ...vm.facts, disks },
    disks: new Map(targets.map((target) => [target, series])),
  } as unknown as ObservedVm;
}

const commandFor = (limits: Readonly<Record<string, number>>): string | undefined => {
  const found = advise(hostOf([limitedVm(limits)]), { minSamples: 5 }).find(
    ({ kind }) => kind === 'disk-limit',
  );
  return found?.remedies
    .flatMap(({ steps }) => steps)
    .map(({ argv }) => argv.join(' '))
    .join('; ');
};

test('a limit that doubles takes a burst that would be smaller with it, and keeps a larger one', () => {
  expect(commandFor({ total_bytes_sec: 100, total_bytes_sec_max: 150, total_bytes_sec_max_length: 5 })).toBe(
    'virsh blkdeviotune limited vda --total-bytes-sec 200 --total-bytes-sec-max 200 --live',
  );
  expect(commandFor({ total_bytes_sec: 100, total_bytes_sec_max: 900 })).toBe(
    'virsh blkdeviotune limited vda --total-bytes-sec 200 --total-bytes-sec-max 900 --live',
  );
  expect(
    commandFor({ read_iops_sec: 10, write_iops_sec: 20, write_iops_sec_max: 20, size_iops_sec: 4_096 }),
  ).toBe(
    'virsh blkdeviotune limited vda --read-iops-sec 20 --write-iops-sec 40 --write-iops-sec-max 40 --live',
  );
});

test('a limit doubles up to the highest that libvirt takes', () => {
  expect(commandFor({ total_bytes_sec: MIB, total_iops_sec: 9e14, total_iops_sec_max: 9e14 })).toBe(
    'virsh blkdeviotune limited vda --total-bytes-sec 2097152 --total-iops-sec 1000000000000000 --total-iops-sec-max 1000000000000000 --live',
  );
});

test('a limit that is doubled until the next start only is called so', () => {
  const [found] = advise(hostOf([limitedVm({ total_bytes_sec: MIB })]), { minSamples: 5 });
  const changes = found?.remedies.map(({ change }) => change);
  expect(changes).toContain(
    'double the limit until its next start; no other disk that may be on the same storage is slow',
  );
});

test('disks that one limit holds together are one cause, and none of them keeps it from being doubled', () => {
  const vm = limitedVm({ total_iops_sec: 1_000 }, ['vda', 'vdb'], 'db');
  const found = advise(hostOf([vm]), { minSamples: 5 }).filter(({ kind }) =>
    /^disk-(limit|slow)|^storage/.test(kind),
  );
  expect(found).toMatchObject([
    {
      kind: 'disk-limit',
      title: 'vda, vdb are held back by the I/O limit of a group of disks',
      victims: [{ name: 'limited', evidence: 'vda 200 ms, vdb 200 ms' }],
      harm: 1,
    },
  ]);
  const [raise] = found[0]?.remedies ?? [];
  expect(raise?.steps.map(({ argv }) => argv.join(' '))).toEqual([
    'virsh blkdeviotune limited vda --total-iops-sec 2000 --live',
  ]);
  expect(raise?.cost).toContain('up to 2 MiB/s more');
});

/** The same with disks in throttle groups: groups by disk, and requests per second by group. */
function throttledVm(
  groups: Readonly<Record<string, readonly string[]>>,
  limits: Readonly<Record<string, number>>,
): ObservedVm {
  const known = Object.entries(limits).map(
    ([name, value]) =>
      `<throttlegroup><group_name>${name}</group_name><total_iops_sec>${value}</total_iops_sec></throttlegroup>`,
  );
  const disks = Object.entries(groups).map(([target, names]) => {
    const filters = names.map((name) => `<throttlefilter group='${name}'/>`).join('');
    return `<disk type='file'><source file='/images/limited-${target}'/><target dev='${target}'/><throttlefilters>${filters}</throttlefilters></disk>`;
  });
  const facts = parseDomain(
    `<domain><throttlegroups>${known.join('')}</throttlegroups><devices>${disks.join('')}</devices></domain>`,
  );
  const vm = limitedVm({}, Object.keys(groups));
  return { ...vm, facts: { ...vm.facts, disks: facts.disks } } as unknown as ObservedVm;
}

test('a disk that its throttle group holds back is not slow storage, and no command is given that libvirt refuses for it', () => {
  const vm = throttledVm({ vda: ['g0'] }, { g0: 500 });
  const [found, ...others] = advise(hostOf([vm]), { minSamples: 5 });
  expect(others).toEqual([]);
  expect(found).toMatchObject({
    kind: 'disk-limit',
    title: 'vda is held back by its own I/O limit',
    cause: 'an I/O limit (throttle group g0: total_iops_sec 500)',
  });
  expect(found?.remedies.map(({ change, steps }) => [change, steps])).toEqual([
    [
      'find out who set the limits of throttle group g0, and whether they may be higher (virsh domthrottlegroupset)',
      [],
    ],
    ['keep the limit: it does what it was set for', []],
  ]);
});

test('disks behind the same throttle groups are one cause; others behind one of these do not count as slow storage', () => {
  const vm = throttledVm({ vda: ['g0', 'g1'], vdb: ['g0', 'g1'], vdc: ['g1'] }, { g0: 500, g1: 900 });
  const found = advise(hostOf([vm]), { minSamples: 5 }).filter(({ kind }) => kind === 'disk-limit');
  expect(found.map(({ title, cause }) => [title, cause])).toEqual([
    [
      'vda, vdb are held back by the I/O limit of a group of disks',
      'an I/O limit (throttle group g0: total_iops_sec 500; throttle group g1: total_iops_sec 900)',
    ],
    [
      'vdc is held back by the I/O limit of a group of disks',
      'an I/O limit (throttle group g1: total_iops_sec 900)',
    ],
  ]);
});

test('the command for a disk with a burst is one that libvirt takes', async () => {
  const draft = new Draft(3);
  const { name } = draft.batch({ vcpus: 2, load: 2 });
  draft.call(async (connection) => {
    const { domain } = await connection.call('domainLookupByName', { name });
    const params = [
      ['total_bytes_sec', 4 * MIB],
      ['total_bytes_sec_max', 6 * MIB],
    ] as const;
    await connection.call('domainSetBlockIoTune', {
      domain,
      disk: 'vda',
      params: params.map(([field, value]) => ({ field, type: ParamType.ullong, value: BigInt(value) })),
      flags: LIVE,
    });
  });
  const world = await startCase({ draft, truths: [], startMs: Date.parse('2026-03-02T14:00:00Z') });
  try {
    const limitsOf = async (): Promise<(number | undefined)[]> => {
      const { vms } = await world.observe(2);
      const limits = vms[0]?.facts?.disks[0]?.limits;
      return [limits?.get('total_bytes_sec'), limits?.get('total_bytes_sec_max')];
    };
    expect(await limitsOf()).toEqual([4 * MIB, 6 * MIB]);
    const found = advise(await world.observe(8), { minSamples: 5 }).find(({ kind }) => kind === 'disk-limit');
    const [step] = found?.remedies.flatMap(({ steps }) => steps) ?? [];
    await runVirsh(world, step?.argv ?? expect.unreachable());
    expect(await limitsOf()).toEqual([8 * MIB, 8 * MIB]);
  } finally {
    await world.stop();
  }
});

import { expect, test } from 'vitest';
import { CpuSet } from '../../../model/cpu-set.ts';
import type { HostFacts } from '../../../tuner/facts/facts.ts';
import { type HostFinding, hostFinding } from '../../../tuner/facts/host-findings.ts';
import type { LocalHost } from '../../../tuner/facts/local-host.ts';
import type { HostWanted } from '../../../tuner/profile/host-knobs.ts';
import { host, LOCAL } from '../profile/fixtures.ts';

const on = (local: Partial<LocalHost> | undefined): HostFacts =>
  host({ local: local && { ...LOCAL, ...local } });

function find(wanted: HostWanted, local: Partial<LocalHost> | undefined, dedicated = ''): HostFinding {
  return hostFinding(on(local), { ...wanted, profiles: [], why: 'because', source: 'test' }, dedicated);
}

const LOOKS: readonly [HostWanted, good: Partial<LocalHost>, bad: Partial<LocalHost>, fix: RegExp][] = [
  [
    { knob: 'thp', wanted: 'madvise' },
    { transparentHugepages: 'madvise' },
    { transparentHugepages: 'always' },
    /echo madvise >.*command line/,
  ],
  [
    { knob: 'governor', wanted: 'performance' },
    { governors: new Set(['performance']) },
    { governors: new Set(['performance', 'powersave']) },
    /cpupower frequency-set -g performance.*tuned-adm/,
  ],
  [{ knob: 'cstates', wanted: 10 }, { idleLatencyUs: 2 }, { idleLatencyUs: 133 }, /cpupower idle-set -D 11/],
  [
    { knob: 'swappiness', wanted: 10 },
    { swappiness: 1 },
    { swappiness: 60 },
    /sysctl vm.swappiness=10.*sysctl.d/,
  ],
  [
    { knob: 'numaBalancing', wanted: 'off' },
    { numaBalancing: false },
    { numaBalancing: true },
    /sysctl kernel.numa_balancing=0/,
  ],
  [{ knob: 'ksm', wanted: 'off' }, { ksmRun: 0 }, { ksmRun: 1 }, /ksm\/run/],
];

test.each(LOOKS)(
  '$knob: a wanted value needs no change; another gets the command that sets it permanently',
  (wish, good, bad, fix) => {
    expect(find(wish, good)).toMatchObject({ verdict: 'same', next: undefined });
    expect(find(wish, bad)).toMatchObject({
      verdict: 'mismatch',
      wanted: String(wish.wanted),
      why: 'because',
      next: expect.stringMatching(fix),
    });
  },
);

test('what the host does not report is unknown, with the reason', () => {
  expect(find({ knob: 'swappiness', wanted: 10 }, undefined)).toMatchObject({
    verdict: 'unknown',
    next: expect.stringMatching(/on the host itself/),
  });
  expect(find({ knob: 'numaBalancing', wanted: 'off' }, {})).toMatchObject({
    verdict: 'unknown',
    next: 'this kernel has no NUMA balancing',
  });
  expect(find({ knob: 'swappiness', wanted: 10 }, { forbidden: ['/proc/sys/vm/swappiness'] }).next).toMatch(
    /may not read \/proc\/sys\/vm\/swappiness/,
  );
});

test.each([
  [
    '40 GiB merged and 6 GiB free',
    10_485_760,
    6_291_456,
    /^echo 0 .*disable.* needs 40\.0 GiB of memory \(free: 6\.0 GiB\)$/,
  ],
  ['more than half of what is free', 10_485_760, 80_000_000, /^echo 0 /],
  ['less than half of what is free', 10_485_760, 90_000_000, /^echo 2 /],
  ['nothing merged', 0, 6_291_456, /^echo 2 /],
  ['an unknown amount merged', undefined, 90_000_000, /^echo 0 .* needs an unknown amount of memory /],
  ['unknown free memory', 10_485_760, undefined, /^echo 0 .* \(free: unknown\)$/],
])(
  'KSM is stopped without unmerging pages unless there is memory for them: %s',
  (_, sharing, freeKiB, next) => {
    const merged = new Map(sharing === undefined ? [] : [['pages_sharing', sharing]]);
    const made = host({
      local: { ...LOCAL, ksmRun: 1 },
      ksm: merged,
      cells: [{ id: 0, freeKiB, pages: [] }],
    });
    const wish = { knob: 'ksm', wanted: 'off', profiles: [], why: 'because', source: 'test' } as const;
    expect(hostFinding(made, wish, '')).toMatchObject({
      verdict: 'mismatch',
      next: expect.stringMatching(next),
    });
  },
);

const ISOLATED: HostWanted = { knob: 'isolatedCpus', wanted: 'vcpus' };

test('isolated CPUs are compared with those dedicated to vCPUs', () => {
  const isolated = { isolatedCpus: CpuSet.parse('2-5'), nohzFullCpus: CpuSet.parse('2-5') };
  expect(find(ISOLATED, isolated, '2-5')).toMatchObject({
    verdict: 'same',
    now: '2-5',
    next: undefined,
  });
  expect(find(ISOLATED, isolated, '2-7')).toMatchObject({
    verdict: 'mismatch',
    next: expect.stringMatching(/isolcpus=managed_irq,domain,2-7 nohz_full=2-7/),
  });
  // Isolated, but still interrupted by the tick.
  const ticking = { ...isolated, nohzFullCpus: CpuSet.empty };
  expect(find(ISOLATED, ticking, '2-5')).toMatchObject({
    verdict: 'same',
    next: expect.stringMatching(/nohz_full=2-5/),
  });
  expect(find(ISOLATED, {}, '2-5')).toMatchObject({ verdict: 'unknown' });
});

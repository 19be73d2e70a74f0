import { expect, test } from 'vitest';
import { CpuSet } from '../../../model/cpu-set.ts';
import { parseDomain } from '../../../model/domain/domain.ts';
import {
  pushedAbove,
  ratioText,
  type Sharing,
  type SharingInput,
  sharingOf,
} from '../../../tuner/placement/sharing.ts';
import type { Assignment } from '../../../tuner/placement/types.ts';
import { topologyOf } from './hosts.ts';

/** Two cells with two cores each: 0,4 and 1,5; 2,6 and 3,7. The host reserves 0,4. */
const topology = topologyOf({ cells: [2, 2], threads: 2 });
const vm = (name: string, body: string, cpus?: string) => ({
  name,
  live: parseDomain(`<domain>${body}</domain>`),
  cpus: cpus === undefined ? undefined : CpuSet.parse(cpus),
});
const web = vm('web', '<vcpu>4</vcpu>');
const db = vm(
  'db',
  "<vcpu>2</vcpu><cputune><vcpupin vcpu='0' cpuset='1'/><vcpupin vcpu='1' cpuset='2'/></cputune>",
);

const sharing = (running: SharingInput['running'], more: Partial<SharingInput> = {}): Sharing =>
  sharingOf({
    topology,
    online: CpuSet.parse('0-7'),
    isolated: CpuSet.empty,
    hostCpus: CpuSet.parse('0,4'),
    running,
    assignments: [],
    named: new Set(),
    unpinned: new Set(),
    ...more,
  });

/** `web: 4 vCPUs, 4 on 0,3-7 -> ...` */
const text = ({ vms }: Sharing): string[] =>
  vms.map(({ guest, named, vcpus, before, after }) => {
    const share = (of: typeof before): string =>
      of === undefined ? 'none' : `${of.cpus} at ${of.ratio.toFixed(2)}`;
    return `${guest}${named ? '*' : ''} ${vcpus}: ${share(before)} -> ${share(after)}`;
  });

const assigned = (guest: string, more: Partial<Assignment>): Assignment => ({
  guest,
  kind: 'dedicated',
  cells: [0],
  memoryCells: [0],
  vcpus: [],
  emulator: CpuSet.parse('0,4'),
  ioThreads: CpuSet.parse('0,4'),
  ...more,
});

test('a floating VM shares the CPUs that are not dedicated to others; nothing changes without a plan', () => {
  const { before, after, vms } = sharing([web, db]);
  expect(text(sharing([web, db]))).toEqual(['web 4: 0,3-7 at 0.67 -> 0,3-7 at 0.67']);
  expect(before).toEqual(after);
  expect([before.vcpus, `${before.cpus}`, before.worstRatio.toFixed(2)]).toEqual([4, '0,3-7', '0.67']);
  expect(vms).toHaveLength(1);
});

test('a VM that loses its pins shares CPUs with the others', () => {
  const unpinned = sharing([web, db], { named: new Set(['db']), unpinned: new Set(['db']) });
  expect(text(unpinned)).toEqual(['web 4: 0,3-7 at 0.67 -> 0-7 at 0.75', 'db* 2: none -> 0-7 at 0.75']);
  const confined = vm(
    'db',
    "<vcpu>2</vcpu><cputune><vcpupin vcpu='0' cpuset='1'/><vcpupin vcpu='1' cpuset='2'/></cputune>",
    '1-2',
  );
  expect(text(sharing([confined], { unpinned: new Set(['db']) }))).toEqual(['db 2: none -> 1-2 at 1.00']);
});

test('a VM that shares a pool has that, without CPUs dedicated to others; the rest is idle', () => {
  const pool = CpuSet.parse('1,5');
  const assignments = [assigned('web', { kind: 'node', vcpus: [pool, pool, pool, pool] })];
  const { after, ...rest } = sharing([web, db], { assignments, named: new Set(['web']) });
  expect(text({ after, ...rest })).toEqual(['web* 4: 0,3-7 at 0.67 -> 5 at 4.00']);
  expect([`${after.idleCpus}`, `${after.idleSiblings}`, after.worstRatio]).toEqual(['3,6-7', '6', 4]);
});

test('a VM that gets dedicated CPUs leaves the others; helpers take theirs, but not those of the host', () => {
  const vcpus = [CpuSet.of([3])];
  const onHost = sharing([web, db], { assignments: [assigned('db', { vcpus })] });
  expect(text(onHost)).toEqual(['web 4: 0,3-7 at 0.67 -> 0-2,4-7 at 0.57']);
  const apart = assigned('db', { vcpus, emulator: CpuSet.of([7]), ioThreads: CpuSet.of([6]) });
  expect(text(sharing([web, db], { assignments: [apart] }))).toEqual([
    'web 4: 0,3-7 at 0.67 -> 0-2,4-5 at 0.80',
  ]);
});

test('a mixed VM shares with those of its vCPUs that have no CPU dedicated to them', () => {
  const pool = CpuSet.parse('2,6');
  const assignments = [
    assigned('db', { vcpus: [CpuSet.of([1]), pool, pool], sharedVcpus: CpuSet.parse('1-2') }),
  ];
  expect(text(sharing([db], { assignments }))).toEqual(['db 2: none -> 2,6 at 1.00']);
});

test('a control group confines a floating VM, and isolated and offline CPUs are not shared', () => {
  expect(text(sharing([vm('web', '<vcpu>4</vcpu>', '6-7')]))).toEqual(['web 4: 6-7 at 2.00 -> 6-7 at 2.00']);
  const isolated = sharing([web], { isolated: CpuSet.parse('2-3,6-7') });
  expect(text(isolated)).toEqual(['web 4: 0-1,4-5 at 1.00 -> 0-1,4-5 at 1.00']);
  expect(`${isolated.after.idleCpus}`).toBe('2-3,6-7');
  expect(text(sharing([web], { online: CpuSet.parse('0-1') }))[0]).toContain('0-1 at 2.00');
});

test('VMs whose ranges overlap share in parts', () => {
  const half = vm('half', "<vcpu cpuset='0-1,4-5'>4</vcpu>");
  const wide = vm('wide', "<vcpu cpuset='0-7'>8</vcpu>");
  expect(text(sharing([half, wide]))).toEqual([
    'half 4: 0-1,4-5 at 2.00 -> 0-1,4-5 at 2.00',
    'wide 8: 0-7 at 1.50 -> 0-7 at 1.50',
  ]);
});

test('a VM whose CPUs are all dedicated to others still runs on them', () => {
  const pins = [0, 1, 4, 5].map((cpu, vcpu) => `<vcpupin vcpu='${vcpu}' cpuset='${cpu}'/>`).join('');
  const full = vm('full', `<vcpu>4</vcpu><cputune>${pins}</cputune>`);
  const out = vm('out', "<vcpu cpuset='0-1,4-5'>3</vcpu>");
  expect(text(sharing([full, out]))).toEqual(['out 3: 0-1,4-5 at 0.75 -> 0-1,4-5 at 0.75']);
});

test('without a VM that shares the pool is empty', () => {
  const { before } = sharing([db]);
  expect([before.vcpus, before.cpus.size, before.worstRatio]).toEqual([0, 0, 0]);
  expect([`${before.idleCpus}`, `${before.idleSiblings}`]).toEqual(['3,5-7', '5-6']);
});

test('a plan pushes a VM above a limit when its ratio is above it and grows by more than rounding', () => {
  const share = (ratio: number) => ({ cpus: CpuSet.of([1]), ratio });
  const pools = sharing([]);
  const of = (before: number | undefined, after: number): number =>
    pushedAbove(
      {
        ...pools,
        vms: [
          {
            guest: 'web',
            named: false,
            vcpus: 4,
            before: before === undefined ? undefined : share(before),
            after: share(after),
          },
        ],
      },
      3,
    ).length;
  expect([of(2, 3.5), of(2, 3), of(4, 4.08), of(4, 4.09), of(5, 4), of(undefined, 3.1)]).toEqual([
    1, 0, 0, 1, 0, 1,
  ]);
  expect([ratioText(2.34), ratioText(4)]).toEqual(['2.3:1', '4:1']);
});

test('helpers of a VM that shares a pool take no CPU of it from others', () => {
  const pool = CpuSet.parse('1,5');
  const assignments = [
    assigned('app', { kind: 'node', vcpus: [pool, pool], emulator: pool, ioThreads: pool }),
  ];
  const running = [web, vm('app', '<vcpu>2</vcpu>')];
  expect(text(sharing(running, { assignments }))[0]).toBe('web 4: 0-7 at 0.75 -> 0-7 at 0.75');
});

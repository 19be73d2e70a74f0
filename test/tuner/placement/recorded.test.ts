import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { CpuSet } from '../../../model/cpu-set.ts';
import { place } from '../../../tuner/placement/policy.ts';
import type {
  Assignment,
  Claim,
  Placement,
  PlacementHost,
  PlacementRequest,
} from '../../../tuner/placement/types.ts';
import { GIB, HOSTS, hostOf, MIB } from './hosts.ts';
import { dedicated, inCells, sharing } from './requests.ts';

/*
 * Placements of the mixes below on hosts as they are sold, recorded in `recorded/`. Whether a placement is right, other
 * tests say; these show each change of one in review. `npx vitest run -u` records them again.
 */

const HOSTS_IN_USE: Readonly<Record<string, PlacementHost>> = {
  ...Object.fromEntries(Object.entries(HOSTS).map(([name, shape]) => [name, hostOf(shape)])),
  kept: hostOf(
    { cells: [6, 6], threads: 2, caches: 2, memoryGiB: 64, pages: { [GIB]: 24, [2 * MIB]: 4_096 } },
    {
      hostCpus: CpuSet.parse('0,12,6,18'),
      isolated: CpuSet.parse('2-5,14-17'),
      efficiencyCpus: CpuSet.parse('10-11,22-23'),
    },
  ),
  shared: takenBy(hostOf({ cells: [6, 6], threads: 2, siblings: 'together', memoryGiB: 32 }), {
    old1: [0, 1, 2, 5],
    old2: [12, 14, 15],
  }),
};

function takenBy(host: PlacementHost, vms: Readonly<Record<string, readonly number[]>>): PlacementHost {
  const taken = Object.entries(vms).flatMap(([guest, cpus]) =>
    cpus.map((cpu): [number, Claim[]] => [cpu, [{ guest, by: 'vcpus' }]]),
  );
  const floaters = [{ guest: 'narrow', cpus: CpuSet.of([8, 9]), narrow: true }];
  return { ...host, taken: new Map(taken), floaters };
}

const MIXES: Readonly<Record<string, readonly PlacementRequest[]>> = {
  'a database with helpers': [
    dedicated('db', 4, { guestThreads: 2, emulatorCpus: 1, ioThreadCpus: 2, deviceCells: [1] }),
  ],
  'one VM on whole cores, one alone on its cores, two that share': [
    dedicated('whole', 4, { threads: 'require', guestThreads: 2 }),
    dedicated('alone', 2, { threads: 'isolate', emulatorCpus: 1 }),
    sharing('web1', 4),
    sharing('web2', 2, { bound: true, deviceCells: [1] }),
  ],
  'huge pages, two guest cells, a memory cell': [
    inCells('wide', [3, 3], { pageKiB: GIB, guestThreads: 2 }),
    dedicated('paged', 2, { pageKiB: 2 * MIB }),
    dedicated('far', 2, { cells: [{ vcpus: CpuSet.parse('0-1'), memoryKiB: 4 * GIB, memoryCell: 1 }] }),
    sharing('rest', 2, { pageKiB: GIB }),
  ],
  'some vCPUs dedicated, some shared': [
    dedicated('mixed', 3, { sharedVcpus: CpuSet.parse('3-4'), ioThreadCpus: 1 }),
    sharing('web', 2, { allowedMemoryCells: CpuSet.of([0]) }),
  ],
  'more than most hosts have room for': [
    ...['a', 'b', 'c'].map((guest) => dedicated(guest, 6, { threads: 'isolate' })),
    inCells('wide', [4, 4]),
    dedicated('pages', 8, { pageKiB: GIB }),
    sharing('web', 16),
  ],
};

const cells = (ids: readonly number[]): string => (ids.length === 0 ? '-' : ids.join('+'));
const place1 = (to: Assignment): string =>
  [
    `  ${to.guest}: ${to.kind === 'node' ? `shares ${to.vcpus[0]}` : to.vcpus.join(' ')}`,
    `cell ${cells(to.cells)}, memory ${cells(to.memoryCells)}`,
    `emulator ${to.emulator}, iothreads ${to.ioThreads}`,
  ].join('; ');

function textOf(title: string, { assignments, refusals, moved, overlaps, cost, proven }: Placement): string {
  return [
    `${title}: cost ${cost.toFixed(3)}${proven ? '' : ', not proven'}${moved.length === 0 ? '' : `; moved: ${moved.join(' ')}`}`,
    ...assignments.map(place1),
    ...refusals.map(
      ({ guest, code, text, next }) => `  ${guest}: ${code}, ${text}${next ? `; ${next}` : ''}`,
    ),
    ...overlaps.map(
      ({ guest, cpus, with: others }) => `  overlap: ${guest} on ${cpus} with ${others.join(' ')}`,
    ),
  ].join('\n');
}

/** VMs after a placement, with some of them removed. */
function standing(
  requests: readonly PlacementRequest[],
  { assignments }: Placement,
  gone: readonly string[],
): PlacementRequest[] {
  return requests.flatMap((request): PlacementRequest[] => {
    const current = assignments.find(({ guest }) => guest === request.guest);
    return current === undefined || gone.includes(request.guest) ? [] : [{ ...request, current }];
  });
}

describe.each(Object.entries(HOSTS_IN_USE))('%s', (name, host) => {
  test('its placements are as recorded', { timeout: 60_000 }, async () => {
    const lines = Object.entries(MIXES).flatMap(([title, requests]) => {
      const first = place(host, requests);
      const [leaves] = requests.toReversed();
      const stay = standing(requests, first, leaves === undefined ? [] : [leaves.guest]);
      const late = [
        ...stay,
        dedicated('late', 4, { guestThreads: 2, threads: 'require' }),
        inCells('two', [2, 2]),
      ];
      return [
        textOf(title, first),
        textOf(`  ${leaves?.guest} leaves, two more come`, place(host, late)),
        textOf('  the same, rebalanced', place(host, late, { rebalance: true })),
        '',
      ];
    });
    await expect(lines.join('\n')).toMatchFileSnapshot(join('recorded', `${name}.txt`));
  });
});

import { place } from '../../tuner/placement/policy.ts';
import type { Placement, PlacementHost, PlacementRequest } from '../../tuner/placement/types.ts';
import { hostOf, MIB, type Shape } from '../tuner/placement/hosts.ts';
import { dedicated, sharing } from '../tuner/placement/requests.ts';
import { fixed, median, table } from './table.ts';

const ROUNDS = 7;

/** Eight cells on two sockets, like EPYC. */
const shape = (coresOfCell: number, caches: number): Shape => ({
  cells: Array.from({ length: 8 }, () => coresOfCell),
  threads: 2,
  caches,
  cellsPerSocket: 4,
  distance: (from, to) => (Math.floor(from / 4) === Math.floor(to / 4) ? 12 : 32),
  memoryGiB: 1_024,
  pages: { [2 * MIB]: 262_144 },
});

/** A realistic mix of VMs: several sizes, some with dedicated CPUs, most without. */
function mixed(count: number, pinnedCount: number): PlacementRequest[] {
  return Array.from({ length: count }, (_, index) => {
    const guest = `vm${String(index).padStart(3, '0')}`;
    const vcpus = [2, 4, 2, 8][index % 4] as number;
    return index < pinnedCount
      ? dedicated(guest, vcpus, {
          threads: index % 10 === 0 ? 'isolate' : 'prefer',
          emulatorCpus: 1,
          pageKiB: index % 2 === 0 ? 2 * MIB : undefined,
        })
      : sharing(guest, vcpus);
  });
}

function measure(
  what: string,
  host: PlacementHost,
  requests: readonly PlacementRequest[],
): [string[], Placement] {
  const cpus = host.cores.reduce((sum, core) => sum + core.cpus.length, 0);
  const times: number[] = [];
  let placement = place(host, requests);
  for (let round = 0; round < ROUNDS; round++) {
    const startedMs = performance.now();
    placement = place(host, requests);
    times.push(performance.now() - startedMs);
  }
  const { assignments, refusals, moved, cost } = placement;
  const row = [
    what,
    String(requests.length),
    String(cpus),
    String(assignments.length),
    String(refusals.length),
    String(moved.length),
    fixed(cost, 0),
    fixed(median(times), 0),
  ];
  return [row, placement];
}

/** Time to place many VMs on large hosts. */
export async function placement(): Promise<string> {
  const small = hostOf(shape(32, 4), { hostCpus: undefined });
  const large = hostOf(shape(256, 32), { hostCpus: undefined });
  const requests = mixed(500, 60);
  const [mixedRow, placed] = measure('of which 60 have dedicated CPUs', small, requests);
  const current = new Map(placed.assignments.map((assignment) => [assignment.guest, assignment]));
  const again = requests.map(
    (request): PlacementRequest => ({ ...request, current: current.get(request.guest) }),
  );
  const rows = [
    mixedRow,
    measure('the same, placed before, and one more', small, [...again, dedicated('new', 4)])[0],
    measure(
      'all with one dedicated CPU',
      small,
      Array.from({ length: 496 }, (_, index) => dedicated(`vm${index}`, 1)),
    )[0],
    measure('all with dedicated CPUs', large, mixed(500, 500))[0],
    measure('more than there is room for', small, mixed(500, 150))[0],
  ];
  const head = ['', 'VMs', 'CPUs', 'placed', 'refused', 'moved', 'cost', 'ms'];
  return `### Placing VMs on eight cells (medians of ${ROUNDS})\n\n${table(head, rows)}`;
}

if (import.meta.main) console.log(await placement());

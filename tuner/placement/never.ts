import type {
  DedicatedRequest,
  NodeRequest,
  PlacementHost,
  PlacementRequest,
  Refusal,
  ThreadPolicy,
} from './types.ts';
import { counted, listed } from './words.ts';

export type Reason = Pick<Refusal, 'code' | 'text'>;

/** Why a VM would have no place even on this host without any other; undefined when its CPUs would do. */
export function neverReason(host: PlacementHost, request: PlacementRequest): Reason | undefined {
  return request.kind === 'node' ? neverShared(host, request) : neverDedicated(host, request);
}

interface Room {
  readonly cell: number;
  readonly room: number;
}

function neverShared(host: PlacementHost, { guest, vcpus }: NodeRequest): Reason | undefined {
  const rooms = roomsOf(
    host,
    (cell) => cell.flatMap(({ cpus }) => cpus.filter((cpu) => !host.isolated.has(cpu))).length,
  );
  return tooWide(guest, rooms, vcpus, vcpus, 'CPU');
}

function neverDedicated(host: PlacementHost, request: DedicatedRequest): Reason | undefined {
  const { guest, threads, cells } = request;
  const rooms = roomsOf(host, (cores) => roomFor(cores, threads));
  const missing = cells
    .flatMap(({ memoryCell }) => memoryCell ?? [])
    .find((id) => !host.cells.some((cell) => cell.id === id));
  if (missing !== undefined) {
    const there = listed(host.cells.map(({ id }) => `${id}`));
    return { code: 'NO_CELL', text: `${guest} wants memory of cell ${missing}, and the host has ${there}` };
  }
  if (threads === 'require' && host.cores.length > 0 && rooms.every(({ room }) => room === 0)) {
    return {
      code: 'NO_SMT',
      text: `${guest} requires threads of one core, and no core of this host has two for VMs`,
    };
  }
  if (cells.length > rooms.length && rooms.length > 0) {
    const has = counted(rooms.length, 'cell');
    return {
      code: 'NO_CELL',
      text: `${guest} has ${counted(cells.length, 'cell')}, and the host ${has} with CPUs for VMs`,
    };
  }
  const vcpus = cells.reduce((sum, cell) => sum + cell.vcpus.size, 0);
  const widest = Math.max(...cells.map((cell) => cell.vcpus.size));
  return tooWide(guest, rooms, vcpus, widest, threads === 'isolate' ? 'core' : 'CPU');
}

function tooWide(
  guest: string,
  rooms: readonly Room[],
  vcpus: number,
  widest: number,
  unit: string,
): Reason | undefined {
  const all = rooms.reduce((sum, { room }) => sum + room, 0);
  if (vcpus > all) {
    const has = all === 0 ? `no ${unit}s` : counted(all, unit);
    return {
      code: 'WIDER_THAN_HOST',
      text: `${guest} has ${counted(vcpus, 'vCPU')}, and the host ${has} for it`,
    };
  }
  const [largest] = [...rooms].sort((a, b) => b.room - a.room);
  if (largest === undefined || widest <= largest.room) return undefined;
  const has = `${largest.cell}, has ${counted(largest.room, unit)}`;
  return {
    code: 'WIDER_THAN_CELL',
    text: `${guest} needs ${counted(widest, unit)} in one cell, and the largest, ${has} for it`,
  };
}

function roomsOf(host: PlacementHost, room: (cores: PlacementHost['cores']) => number): Room[] {
  return [...Map.groupBy(host.cores, (core) => core.cell)].map(([cell, cores]) => ({
    cell,
    room: room(cores),
  }));
}

/** vCPUs for which these cores have room if nobody else is on them. */
function roomFor(cores: PlacementHost['cores'], threads: ThreadPolicy): number {
  const whole = cores.filter((core) => core.cpus.length === core.threads);
  if (threads === 'isolate') return whole.length;
  const usable = threads === 'require' ? whole.filter((core) => core.threads > 1) : cores;
  return usable.reduce((sum, core) => sum + core.cpus.length, 0);
}

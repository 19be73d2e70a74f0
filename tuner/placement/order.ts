import type { PlacementRequest } from './types.ts';

/**
 * Before others come: VMs with CPUs of their own (what they leave is shared), before those of which only the
 * helpers are sought; those that must have whole cores; of more guest cells; of more vCPUs; of more memory. Among
 * equals, the order asked in.
 */
export function hardestFirst(
  isLoose: (request: PlacementRequest) => boolean,
): (a: PlacementRequest, b: PlacementRequest) => number {
  const keys: readonly ((request: PlacementRequest) => number)[] = [
    (request) => Number(request.kind === 'dedicated'),
    (request) => Number(!isLoose(request)),
    (request) => Number(request.kind === 'dedicated' && request.threads !== 'prefer'),
    (request) => (request.kind === 'dedicated' ? request.cells.length : 1),
    (request) => vcpusOf(request) * (request.kind === 'dedicated' && request.threads === 'isolate' ? 2 : 1),
    memoryOf,
  ];
  return (a, b) => {
    for (const key of keys) {
      const difference = key(b) - key(a);
      if (difference !== 0) return difference;
    }
    return 0;
  };
}

const vcpusOf = (request: PlacementRequest): number =>
  request.kind === 'node' ? request.vcpus : request.cells.reduce((sum, cell) => sum + cell.vcpus.size, 0);

const memoryOf = (request: PlacementRequest): number =>
  request.kind === 'node' ? request.memoryKiB : request.cells.reduce((sum, cell) => sum + cell.memoryKiB, 0);

/** Two VMs that want the same, and have no place yet: which of them sits where makes no difference. */
export function alike(a: PlacementRequest | undefined, b: PlacementRequest): boolean {
  if (a?.current !== undefined || b.current !== undefined) return false;
  return a !== undefined && demand(a) === demand(b);
}

function demand(request: PlacementRequest): string {
  const { kind, pageKiB, bound } = request;
  const { deviceCells } = request;
  if (request.kind === 'node') {
    return [kind, pageKiB, bound, deviceCells, request.vcpus, request.memoryKiB].join(' ');
  }
  const { threads, guestThreads, emulatorCpus, ioThreadCpus } = request;
  const cells = request.cells.map(
    ({ vcpus, memoryKiB, memoryCell }) => `${vcpus}/${memoryKiB}/${memoryCell}`,
  );
  return [
    kind,
    pageKiB,
    bound,
    threads,
    guestThreads,
    emulatorCpus,
    ioThreadCpus,
    request.keepCells,
    request.sharedVcpus,
    ...cells,
  ].join(' ');
}

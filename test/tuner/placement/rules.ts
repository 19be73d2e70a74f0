import type {
  Assignment,
  Core,
  DedicatedRequest,
  PlacementHost,
  PlacementRequest,
} from '../../../tuner/placement/types.ts';

/** Every hard rule that a placement violates, regardless of cost. */
export function brokenRules(
  host: PlacementHost,
  requests: readonly PlacementRequest[],
  assignments: readonly Assignment[],
): string[] {
  const requestOf = new Map(requests.map((request) => [request.guest, request]));
  const of = (assignment: Assignment): PlacementRequest =>
    requestOf.get(assignment.guest) as PlacementRequest;
  return [
    ...overlaps(host, assignments, of),
    ...assignments.flatMap((assignment) => {
      const request = of(assignment);
      return request.kind === 'dedicated' ? dedicatedRules(host, request, assignment) : [];
    }),
    ...coreRules(host, assignments, of),
    ...sharedRules(host, assignments, of),
    ...memoryRules(host, assignments, of),
  ];
}

type RequestOf = (assignment: Assignment) => PlacementRequest;

/** Dedicated CPUs of vCPUs. */
const vcpuCpus = ({ vcpus, sharedVcpus }: Assignment): number[] =>
  vcpus.flatMap((cpus, vcpu) => (sharedVcpus?.has(vcpu) === true ? [] : [...cpus]));

function ownCpus(assignment: Assignment, request: DedicatedRequest): number[] {
  return [
    ...vcpuCpus(assignment),
    ...(request.emulatorCpus > 0 ? assignment.emulator : []),
    ...(request.ioThreadCpus > 0 ? assignment.ioThreads : []),
  ];
}

function overlaps(host: PlacementHost, assignments: readonly Assignment[], of: RequestOf): string[] {
  const usable = new Set(host.cores.flatMap((core) => core.cpus));
  const owner = new Map<number, string>();
  const broken: string[] = [];
  for (const assignment of assignments) {
    const request = of(assignment);
    if (request.kind !== 'dedicated') continue;
    for (const cpu of ownCpus(assignment, request)) {
      if (owner.has(cpu)) broken.push(`CPU ${cpu} is ${owner.get(cpu)}'s and ${request.guest}'s`);
      if (host.taken.has(cpu)) broken.push(`CPU ${cpu} of ${request.guest} is taken`);
      if (!usable.has(cpu)) broken.push(`CPU ${cpu} of ${request.guest} is not a CPU for VMs`);
      owner.set(cpu, request.guest);
    }
  }
  return broken;
}

const coreOf = (host: PlacementHost, cpu: number): Core | undefined =>
  host.cores.find((core) => core.cpus.includes(cpu));

function dedicatedRules(host: PlacementHost, request: DedicatedRequest, assignment: Assignment): string[] {
  const { guest, cells, vcpus } = assignment;
  const broken: string[] = [];
  if (new Set(cells).size !== cells.length) broken.push(`guest cells of ${guest} share a host cell`);
  if (vcpus.some((cpus, vcpu) => cpus.size !== 1 && request.sharedVcpus?.has(vcpu) !== true))
    broken.push(`a vCPU of ${guest} has not one CPU`);
  request.cells.forEach((cell, index) => {
    const away = [...cell.vcpus].filter(
      (vcpu) => coreOf(host, vcpus[vcpu]?.first ?? -1)?.cell !== cells[index],
    );
    if (away.length > 0) broken.push(`vCPUs ${away} of ${guest} are not in cell ${cells[index]}`);
    const memory = assignment.memoryCells[index];
    if (memory !== (cell.memoryCell ?? cells[index])) broken.push(`${guest} has memory in cell ${memory}`);
  });
  if (request.emulatorCpus > 0 && assignment.emulator.size !== request.emulatorCpus) {
    broken.push(`the emulator of ${guest} has ${assignment.emulator.size} CPUs`);
  }
  if (request.ioThreadCpus > 0 && assignment.ioThreads.size !== request.ioThreadCpus) {
    broken.push(`the iothreads of ${guest} have ${assignment.ioThreads.size} CPUs`);
  }
  if (assignment.emulator.size === 0 || assignment.ioThreads.size === 0) {
    broken.push(`a helper of ${guest} has no CPU`);
  }
  return broken;
}

/** Whole cores where requested; emulator and iothreads on no vCPU's core. */
function coreRules(host: PlacementHost, assignments: readonly Assignment[], of: RequestOf): string[] {
  const broken: string[] = [];
  for (const core of host.cores) {
    const claims = core.cpus.flatMap((cpu) => host.taken.get(cpu) ?? []);
    const on = assignments.filter((each) => each.kind === 'dedicated' && has(core, vcpuCpus(each)));
    const helpers = assignments.filter((each) => {
      const request = of(each);
      const vcpus = vcpuCpus(each);
      return (
        request.kind === 'dedicated' &&
        has(
          core,
          ownCpus(each, request).filter((cpu) => !vcpus.includes(cpu)),
        )
      );
    });
    const helped = helpers.length > 0 || (claims.length > 0 && claims.every(({ by }) => by === 'helpers'));
    if (on.length > 0 && helped) broken.push(`vCPUs of ${on[0]?.guest} are on a helper's core, ${core.cpus}`);
    if (helpers.length > 0 && claims.some(({ by }) => by === 'vcpus')) {
      broken.push(`a helper of ${helpers[0]?.guest} is on a vCPU's core, ${core.cpus}`);
    }
    for (const assignment of on) {
      const request = of(assignment);
      if (request.kind !== 'dedicated' || request.threads === 'prefer') continue;
      const count = vcpuCpus(assignment).filter((cpu) => core.cpus.includes(cpu)).length;
      const alone = on.length === 1 && claims.length === 0 && core.cpus.length === core.threads;
      if (!alone) broken.push(`${request.guest} does not have core ${core.cpus} for itself`);
      if (request.threads === 'isolate' && count > 1)
        broken.push(`${request.guest} has ${count} vCPUs on a core`);
      if (request.threads === 'require' && core.threads < 2)
        broken.push(`${request.guest} has a core without SMT`);
    }
  }
  for (const assignment of assignments) {
    const request = of(assignment);
    if (request.kind !== 'dedicated' || request.threads !== 'require') continue;
    const cpus = vcpuCpus(assignment);
    const partly = host.cores.filter(
      (core) => has(core, cpus) && !core.cpus.every((cpu) => cpus.includes(cpu)),
    );
    const odd = request.cells.filter((cell) => cell.vcpus.size % 2 === 1).length;
    if (partly.length > odd) broken.push(`${request.guest} fills ${partly.length} cores in part`);
  }
  return broken;
}

const has = (core: Core, cpus: readonly number[]): boolean => core.cpus.some((cpu) => cpus.includes(cpu));

/** VMs that share CPUs must avoid dedicated and isolated ones. */
function sharedRules(host: PlacementHost, assignments: readonly Assignment[], of: RequestOf): string[] {
  const dedicated = assignments.filter(({ kind }) => kind === 'dedicated');
  return assignments.flatMap((assignment) => {
    const request = of(assignment);
    if (request.kind !== 'node') return [];
    const [cpus] = assignment.vcpus;
    const broken: string[] = [];
    if (cpus === undefined || cpus.size < request.vcpus)
      broken.push(`${request.guest} has ${cpus?.size ?? 0} CPUs`);
    for (const cpu of cpus ?? []) {
      const core = coreOf(host, cpu);
      if (core?.cell !== assignment.cells[0])
        broken.push(`CPU ${cpu} of ${request.guest} is in another cell`);
      if (host.isolated.has(cpu)) broken.push(`CPU ${cpu} of ${request.guest} is isolated`);
      if (host.taken.has(cpu)) broken.push(`CPU ${cpu} of ${request.guest} is taken`);
      for (const other of dedicated) {
        const own = ownCpus(other, of(other) as DedicatedRequest);
        if (own.includes(cpu)) broken.push(`CPU ${cpu} of ${request.guest} is ${other.guest}'s`);
        if (core !== undefined && has(core, vcpuCpus(other))) {
          broken.push(`CPU ${cpu} of ${request.guest} is a sibling of ${other.guest}'s`);
        }
      }
    }
    return broken;
  });
}

function memoryRules(host: PlacementHost, assignments: readonly Assignment[], of: RequestOf): string[] {
  const broken: string[] = [];
  const pages = new Map<string, number>();
  const kib = new Map<number, number>();
  for (const assignment of assignments) {
    const request = of(assignment);
    const parts = request.kind === 'node' ? [request.memoryKiB] : request.cells.map((cell) => cell.memoryKiB);
    parts.forEach((part, index) => {
      const cell = assignment.memoryCells[index] as number;
      if (request.pageKiB !== undefined) {
        const key = `${cell} ${request.pageKiB}`;
        pages.set(key, (pages.get(key) ?? 0) + Math.ceil(part / request.pageKiB));
      } else if (request.bound) kib.set(cell, (kib.get(cell) ?? 0) + part);
    });
  }
  const total = new Map<number, number>();
  for (const [key, count] of pages) {
    const [cell, size] = key.split(' ').map(Number) as [number, number];
    const free = host.cells.find(({ id }) => id === cell)?.freePages.get(size) ?? 0;
    if (count > free) broken.push(`${count} pages of ${size} KiB in cell ${cell}, which has ${free}`);
    total.set(size, (total.get(size) ?? 0) + count);
  }
  for (const [size, count] of total) {
    const free = host.cells.reduce((sum, cell) => sum + (cell.freePages.get(size) ?? 0), 0);
    const left = free - (host.floatingPages.get(size) ?? 0);
    if (count > left) broken.push(`${count} pages of ${size} KiB, of ${left} that are left`);
  }
  for (const [cell, size] of kib) {
    const free = host.cells.find(({ id }) => id === cell)?.freeKiB ?? Number.POSITIVE_INFINITY;
    if (size > free) broken.push(`${size} KiB allocated in cell ${cell}, which has ${free}`);
  }
  return broken;
}

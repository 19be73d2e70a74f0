import { CpuSet } from '../../model/cpu-set.ts';
import type { DomainFacts } from '../../model/domain/domain.ts';
import { cellCpus } from '../../model/topology.ts';
import type { DomainState, HostFacts } from '../facts/facts.ts';
import type { Assignment, PlacementRequest } from '../placement/types.ts';
import { definitionOf } from './definition.ts';
import { policyOf } from './policy.ts';
import type { Profile } from './profile.ts';
import { type Shape, shapeOf } from './shape.ts';

/** What a profile wants of the host for a domain; undefined where it does not say where vCPUs go, or says nowhere. */
export function placementRequest(
  profile: Profile,
  host: HostFacts,
  state: DomainState,
): PlacementRequest | undefined {
  const policy = policyOf(profile);
  const { pinning, numaMode } = policy;
  if (pinning === undefined || pinning === 'none') return undefined;
  const { root, facts } = definitionOf(state);
  const shape = shapeOf(policy, host, root, facts);
  const common = {
    guest: state.domain.name,
    pageKiB: shape.cells[0]?.pageKiB,
    bound: numaMode === 'strict' || numaMode === 'restrictive',
  };
  if (pinning === 'cell') {
    return {
      ...common,
      kind: 'node',
      vcpus: shape.vcpus,
      memoryKiB: shape.cells.reduce((sum, cell) => sum + cell.memoryKiB, 0),
      current: currentAssignment('node', state.domain.name, host, facts, shape),
    };
  }
  return {
    ...common,
    kind: 'dedicated',
    cells: shape.cells.map(({ vcpus, memoryKiB }) => ({
      vcpus,
      memoryKiB,
      memoryCell: onlyNode(policy.numaNodes),
    })),
    threads: policy.threads,
    guestThreads: shape.guestThreads,
    emulatorCpus: policy.emulatorCpus,
    ioThreadCpus: policy.ioThreadCpus,
    current: currentAssignment('dedicated', state.domain.name, host, facts, shape),
  };
}

/** Where the definition's pins have it now; undefined where they are of another kind than what is asked for. */
function currentAssignment(
  kind: Assignment['kind'],
  guest: string,
  host: HostFacts,
  facts: DomainFacts,
  shape: Shape,
): Assignment | undefined {
  const pins = Array.from({ length: shape.vcpus }, (_, vcpu) => facts.cpu.vcpuPins.get(vcpu));
  const vcpus = pins.filter((pin) => pin !== undefined);
  const all = CpuSet.of(vcpus.flatMap((pin) => [...pin]));
  const dedicated = all.size === shape.vcpus && vcpus.every((pin) => pin.size === 1);
  if (vcpus.length !== shape.vcpus || (kind === 'dedicated') !== dedicated) return undefined;
  const cells = shape.cells.map((cell) =>
    hostCellOf(host, CpuSet.of([...cell.vcpus].flatMap((id) => [...(vcpus[id] ?? [])]))),
  );
  if (cells.some((cell) => cell === undefined)) return undefined;
  const hostCells = cells.flatMap((cell) => cell ?? []);
  const memoryCells = hostCells.map(
    (cell, id) => facts.memory.memNodes.get(id)?.first ?? facts.memory.numaNodeset?.first ?? cell,
  );
  return {
    guest,
    kind,
    cells: hostCells,
    memoryCells: shape.numa ? memoryCells : hostCells,
    vcpus,
    emulator: facts.cpu.emulatorPin ?? CpuSet.empty,
    ioThreads: [...facts.cpu.ioThreadPins.values()].reduce((sum, pin) => sum.union(pin), CpuSet.empty),
  };
}

function hostCellOf(host: HostFacts, cpus: CpuSet): number | undefined {
  return host.topology.cells.find((cell) => cpus.size > 0 && cpus.isSubsetOf(cellCpus(cell)))?.id;
}

const onlyNode = (nodes: CpuSet | undefined): number | undefined =>
  nodes?.size === 1 ? nodes.first : undefined;

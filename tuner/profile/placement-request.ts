import { CpuSet } from '../../model/cpu-set.ts';
import type { DomainFacts } from '../../model/domain/domain.ts';
import { cellCpus } from '../../model/topology.ts';
import { attr, child, children, type Element } from '../../model/xml.ts';
import type { DomainState, HostFacts } from '../facts/facts.ts';
import type { Assignment, PlacementRequest } from '../placement/types.ts';
import { definitionOf } from './definition.ts';
import { inMask, type Policy, policyOf } from './policy.ts';
import type { Profile } from './profile.ts';
import { type Shape, shapeOf } from './shape.ts';

/** What a profile asks of the host for a domain; undefined without `cpu.pinning`, or with `none`. */
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
    allowedMemoryCells: host.local?.vmMemoryCells,
    deviceCells: deviceCells(host, root, facts),
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
  const sharedVcpus = sharingVcpus(policy, shape);
  return {
    ...common,
    kind: 'dedicated',
    cells: shape.cells.map(({ vcpus, memoryKiB }) => ({
      vcpus: vcpus.difference(sharedVcpus),
      memoryKiB,
      memoryCell: onlyNode(policy.numaNodes),
    })),
    ...(sharedVcpus.size === 0 ? {} : { sharedVcpus }),
    threads: policy.threads,
    guestThreads: shape.guestThreads,
    emulatorCpus: policy.emulatorCpus,
    ioThreadCpus: policy.ioThreadCpus,
    current: currentAssignment('dedicated', state.domain.name, host, facts, shape, sharedVcpus),
  };
}

/** vCPUs that share CPUs, in a VM only some of whose vCPUs get dedicated CPUs. */
function sharingVcpus({ dedicatedVcpus }: Policy, { cells }: Shape): CpuSet {
  if (dedicatedVcpus === undefined) return CpuSet.empty;
  return CpuSet.of(
    cells.flatMap(({ vcpus }) => {
      const shared = [...vcpus].filter((vcpu) => !inMask(dedicatedVcpus, vcpu));
      // A guest cell is placed by its dedicated vCPUs, so it needs at least one.
      return shared.length === vcpus.size ? shared.slice(0, -1) : shared;
    }),
  );
}

/** The place given by the definition's pins; undefined if they are not of the requested kind. */
function currentAssignment(
  kind: Assignment['kind'],
  guest: string,
  host: HostFacts,
  facts: DomainFacts,
  shape: Shape,
  shared: CpuSet = CpuSet.empty,
): Assignment | undefined {
  const pins = Array.from({ length: shape.vcpus }, (_, vcpu) => facts.cpu.vcpuPins.get(vcpu));
  const vcpus = pins.filter((pin) => pin !== undefined);
  const own = pins.filter((pin, vcpu) => pin !== undefined && !shared.has(vcpu)) as CpuSet[];
  const all = CpuSet.of(own.flatMap((pin) => [...pin]));
  const dedicated = all.size === own.length && own.length > 0 && own.every((pin) => pin.size === 1);
  if (vcpus.length !== shape.vcpus || (kind === 'dedicated') !== dedicated) return undefined;
  const cells = shape.cells.map((cell) =>
    hostCellOf(host, CpuSet.of([...cell.vcpus.difference(shared)].flatMap((id) => [...(vcpus[id] ?? [])]))),
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
    vcpus: kind === 'dedicated' && shared.size === 0 ? siblingsTogether(host, shape, vcpus) : vcpus,
    emulator: facts.cpu.emulatorPin ?? CpuSet.empty,
    ioThreads: [...facts.cpu.ioThreadPins.values()].reduce((sum, pin) => sum.union(pin), CpuSet.empty),
  };
}

/**
 * Reorders the CPUs so that threads of one guest core are threads of one host core, if possible: a VM pinned in another
 * order keeps its CPUs and memory, and only vCPUs change places. A guest whose cores have one thread is unchanged.
 */
function siblingsTogether(host: HostFacts, shape: Shape, vcpus: readonly CpuSet[]): CpuSet[] {
  const ordered = [...vcpus];
  const { guestThreads } = shape;
  if (guestThreads < 2) return ordered;
  const siblingsOf = new Map(
    host.topology.cells.flatMap((cell) => cell.cpus.map((cpu) => [cpu.id, cpu.siblings] as const)),
  );
  for (const { vcpus: cell } of shape.cells) {
    const ids = [...cell];
    const cores = Map.groupBy(
      ids.flatMap((id) => vcpus[id]?.first ?? []),
      (cpu) => `${siblingsOf.get(cpu)}`,
    );
    // Reorder a cell only if all its cores can be completed.
    if (ids.length % guestThreads !== 0 || [...cores.values()].some((cpus) => cpus.length !== guestThreads))
      continue;
    const together = ids.every((_, at) => {
      const [first, own] = [ids[at - (at % guestThreads)] ?? -1, vcpus[ids[at] ?? -1]?.first ?? -1];
      return siblingsOf.get(vcpus[first]?.first ?? -1)?.has(own) === true;
    });
    if (together) continue;
    const cpus = [...cores.values()].flatMap((core) => core.toSorted((a, b) => a - b));
    ids.forEach((id, at) => {
      ordered[id] = CpuSet.of([cpus[at] as number]);
    });
  }
  return ordered;
}

function hostCellOf(host: HostFacts, cpus: CpuSet): number | undefined {
  return host.topology.cells.find((cell) => cpus.size > 0 && cpus.isSubsetOf(cellCpus(cell)))?.id;
}

/**
 * The cells of the devices that a domain uses: assigned PCI devices, and the card behind a network card that is
 * attached directly to one (macvtap). A bridge may lead anywhere, so it does not count.
 */
function deviceCells({ local }: HostFacts, root: Element, { interfaces }: DomainFacts): number[] {
  const addresses = children(child(root, 'devices')).flatMap((device) => {
    const source = child(device, 'source', 'address');
    const pci = attr(device, 'type') === 'pci' || device.localName === 'interface';
    return device.localName === 'hostdev' || device.localName === 'interface'
      ? (pci && pciAddress(source)) || []
      : [];
  });
  const cards = interfaces.flatMap(({ type, source }) => (type === 'direct' ? (source ?? []) : []));
  return [
    ...addresses.flatMap((address) => local?.pciCells?.get(address) ?? []),
    ...cards.flatMap((card) => local?.nicCells?.get(card) ?? []),
  ];
}

/** `0000:81:00.0`, as sysfs names a device. */
function pciAddress(element: Element | undefined): string | undefined {
  const part = (name: string, digits: number): string | undefined => {
    const value = Number(attr(element, name) ?? (name === 'domain' ? 0 : Number.NaN));
    return Number.isNaN(value) ? undefined : value.toString(16).padStart(digits, '0');
  };
  const [domain, bus, slot, fn] = [part('domain', 4), part('bus', 2), part('slot', 2), part('function', 1)];
  const whole = [domain, bus, slot, fn].every((each) => each !== undefined);
  return whole ? `${domain}:${bus}:${slot}.${fn}` : undefined;
}

const onlyNode = (nodes: CpuSet | undefined): number | undefined =>
  nodes?.size === 1 ? nodes.first : undefined;

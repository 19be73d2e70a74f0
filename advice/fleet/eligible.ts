import type { Constraints } from './constraints.ts';
import type { FleetHost, FleetVm } from './fleet.ts';
import { hasTimeToConverge } from './move-cost.ts';
import type { Placed, Placement } from './placement.ts';

/** VMs that move together: one, or an affinity group. */
export type Unit = readonly Placed[];

/** Why a VM stays where it is, whatever the target; undefined where it can move. */
function whyStays(placed: Placed, placement: Placement, constraints: Constraints): string | undefined {
  const { vm } = placed;
  if (constraints.isToStay(vm)) return 'the constraints keep it there';
  if (vm.isPinned) return 'its vCPUs are pinned';
  if (vm.stays !== undefined) return vm.stays;
  if (!hasTimeToConverge(vm, constraints.bandwidth))
    return 'it dirties memory faster than a migration copies it';
  if (placed.together.some((key) => placement.hostsWith(key).length > 1)) {
    return 'its affinity group is spread over several hosts';
  }
  return undefined;
}

/**
 * What can move off a host: single VMs, and whole affinity groups.
 * @param reasons receives the reasons why VMs stay, with their number
 */
export function unitsOn(
  host: number,
  placement: Placement,
  constraints: Constraints,
  reasons: Map<string, number>,
): Unit[] {
  const units: Unit[] = [];
  const seen = new Set<Placed>();
  for (const placed of placement.at(host).vms) {
    if (seen.has(placed)) continue;
    const unit = withGroups(placed, placement.at(host).vms);
    for (const member of unit) seen.add(member);
    const whys = unit.flatMap((member) => whyStays(member, placement, constraints) ?? []);
    if (whys.length === 0) units.push(unit);
    for (const why of new Set(whys)) reasons.set(why, (reasons.get(why) ?? 0) + unit.length);
  }
  return units;
}

/** Groups may overlap: the whole connected set moves. */
function withGroups(first: Placed, vms: readonly Placed[]): Unit {
  if (first.together.length === 0) return [first];
  const keys = new Set(first.together);
  const unit = new Set([first]);
  for (let size = 0; size < unit.size; ) {
    size = unit.size;
    for (const placed of vms) {
      if (!placed.together.some((key) => keys.has(key))) continue;
      unit.add(placed);
      for (const key of placed.together) keys.add(key);
    }
  }
  return vms.filter((placed) => unit.has(placed));
}

/** Whether a host may receive VMs at all. */
export const isOpen = ({ isInMaintenance, instance }: FleetHost, { isClosed }: Constraints): boolean =>
  !isInMaintenance && !isClosed(instance);

/** Whether constraints allow all VMs of the unit on this host; not whether there is room. */
export function mayRun(unit: Unit, to: number, placement: Placement, constraints: Constraints): boolean {
  const { host } = placement.at(to);
  return unit.every(
    ({ vm, apart, host: from }, index) =>
      hasStorage(vm, host) &&
      hasCpu(vm, placement.at(from).host, host, placement, constraints) &&
      apart.every(
        (key) =>
          placement.membersOn(key, to) === 0 &&
          // Rules may contradict each other: one requires together, another apart.
          !unit.slice(0, index).some((other) => other.apart.includes(key)),
      ),
  );
}

export const hasStorage = ({ storage }: FleetVm, host: FleetHost): boolean =>
  storage.every((key) => host.storage.has(key));

/**
 * A guest with its host's CPU model moves only between hosts of the same model, or of models that the constraints call
 * compatible. A guest with a named model also moves to hosts of a model that already runs such guests. Without a CPU in
 * its definition it has QEMU's default, which every host supports.
 */
function hasCpu(
  { cpuMode, cpuModel }: FleetVm,
  from: FleetHost,
  to: FleetHost,
  placement: Placement,
  { cpuCompatible }: Constraints,
): boolean {
  if (cpuMode === undefined) return true;
  const [own, other] = [from.cpuModel, to.cpuModel];
  if (other === undefined || own === undefined) return false;
  if (own === other) return true;
  if (cpuCompatible.some((models) => models.includes(own) && models.includes(other))) return true;
  return cpuMode === 'custom' && cpuModel !== undefined && placement.runsOn(cpuModel, other);
}

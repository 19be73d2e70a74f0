import type { Advice, Remedy } from '../advice.ts';
import { isBatch, isDatabase } from '../behaviour.ts';
import { refOf } from '../commands.ts';
import type { Context } from '../context.ts';
import type { CpuLoad, VmLoad } from '../cpu-load.ts';
import type { ObservedVm } from '../observation.ts';
import type { CpuCause } from './causes.ts';
import { consumers, cpuEvidence, harmOf, severityOf, sufferers } from './parts.ts';
import { cellRisk, cellText, nearMemory, pinSteps, targetsFor, wholeCores } from './room.ts';
import { gainText, isWorthwhile, whatIf } from './what-if.ts';

/** CPUs dedicated to a VM by its pins, on which other VMs run. */
export function dedicatedCpusShared(cause: CpuCause, context: Context, load: CpuLoad): Advice {
  const { victims, cpus } = cause;
  const rivals = rivalsOf(cause, load);
  // If no pins overlap, VMs without pins ran there, and those are the culprits.
  const culprits = rivals.length > 0 ? rivals : seenThere(cause, context);
  const remedies = rivals.length > 0 ? movesOf(cause, rivals, context, load) : [];
  return {
    kind: 'dedicated-cpus-shared',
    id: `dedicated-cpus-shared:${victims[0]?.uuid.slice(0, 8)}`,
    severity: severityOf(victims),
    title:
      rivals.length > 0
        ? `CPU ${cpus} is dedicated to more than one VM, and they wait for each other`
        : `CPU ${cpus} is dedicated to a VM, and VMs without pins run there too`,
    victims: sufferers(victims),
    evidence: cpuEvidence(victims, load, context),
    cause:
      rivals.length > 0
        ? `the pins of ${culprits.length} VMs overlap on CPU ${cpus}`
        : 'a pin keeps a vCPU on its CPU, but does not keep other VMs off that CPU',
    // Movable VMs first: a database may have more demand than the VM that intruded on its CPUs.
    culprits: [
      ...consumers(
        culprits.filter((vm) => !isDatabase(vm)),
        load,
      ),
      ...consumers(culprits.filter(isDatabase), load),
    ],
    remedies,
    harm: harmOf(victims),
  };
}

/** A VM with less demand does not make another wait. */
const RIVAL_CPUS = 0.1;

/** All VMs pinned to these CPUs that wait there or use them. */
function rivalsOf({ cpus, victims }: CpuCause, load: CpuLoad): ObservedVm[] {
  const pinned = load.loads.filter(
    ({ vm, floats, cpus: its }) => vm !== undefined && !floats && its.intersection(cpus).size > 0,
  );
  const vms = [...new Set(pinned.flatMap(({ vm }) => vm ?? []))].filter(
    (vm) => victims.includes(vm) || load.demandOf(vm) >= RIVAL_CPUS,
  );
  return vms.length > 1 ? vms : [];
}

function seenThere({ victims, cpus }: CpuCause, { observation }: Context): ObservedVm[] {
  const [victim] = victims;
  if (victim === undefined) return [];
  const seen = observation.residency.blame(victim.uuid, new Set(cpus))?.neighbours ?? [];
  return seen
    .filter(({ share }) => share >= 0.1)
    .flatMap(({ key }) => observation.vms.find(({ uuid }) => uuid === key) ?? []);
}

/** Moves one of the rivals: first those that no user waits for. */
function movesOf(cause: CpuCause, rivals: readonly ObservedVm[], context: Context, load: CpuLoad): Remedy[] {
  const byWeight = rivals.toSorted(
    (a, b) =>
      Number(isDatabase(a)) - Number(isDatabase(b)) ||
      Number(isBound(a)) - Number(isBound(b)) ||
      Number(isBatch(b)) - Number(isBatch(a)) ||
      load.demandOf(b) - load.demandOf(a),
  );
  const remedies = byWeight.flatMap((mover) => moveOf(mover, cause, context, load) ?? []);
  return remedies.slice(0, 2);
}

const isBound = ({ facts }: ObservedVm): boolean =>
  facts?.memory.numaMode === 'strict' || facts?.memory.hugepages !== undefined;

function moveOf(
  mover: ObservedVm,
  { victims, cpus }: CpuCause,
  context: Context,
  load: CpuLoad,
): Remedy | undefined {
  const free = nearMemory(mover, load.unclaimed([mover]).difference(cpus), context);
  // A busy core's sibling thread is half a CPU: first unpinned cores, then cores without a victim, then any free CPU.
  const claimed = load.cpus.difference(load.unclaimed([mover]));
  const idle = free.difference(wholeCores(claimed, context));
  const apart = free.difference(wholeCores(cpus, context));
  for (const target of [idle, apart, free].flatMap((each) => targetsFor(mover, each, context))) {
    const moved = (each: VmLoad): VmLoad =>
      each.vm === mover ? { ...each, cpus: target, floats: false } : each;
    const result = whatIf(load, victims, [], moved);
    if (!isWorthwhile(result)) continue;
    return {
      change: `pin ${mover.name} to CPU ${target}${cellText(target, context)}, to which no VM is pinned`,
      steps: pinSteps(context.uri, mover, target),
      cost: `no VM loses CPU time, computed from the CPU demand of all VMs on the host${
        wholeCores(target, context).intersection(claimed).size > 0
          ? '; not computed: VMs pinned to the other threads of these cores run slower while both are busy'
          : ''
      }`,
      payers: [refOf(mover)],
      gain: gainText(result, victims),
      risk: cellRisk([target], context),
      effect: 'live',
    };
  }
  return undefined;
}

import { CpuSet } from '../../../model/cpu-set.ts';
import type { Problem } from '../../errors.ts';
import { cellsText } from '../../settings/numa.ts';
import { guestCellIds } from '../../settings/targets.ts';
import { cleared, type Draft, draft, type Knob, type KnobContext, knob } from '../knob.ts';
import {
  guestCellCount,
  helperCpus,
  helperPinning,
  numaMode,
  numaNodes,
  pinning,
  threads,
  vcpuMask,
} from '../policy.ts';

const NOT_PLACED: Problem = {
  code: 'NOT_PLACED',
  text: 'no place on the host was found or asked for',
  next: 'let cpu.pinning say where vCPUs go, and see what the placement refused',
};

const vcpuTargets = ({ shape }: KnobContext): string[] =>
  Array.from({ length: shape.vcpus }, (_, vcpu) => String(vcpu));

/** A pin to all that there is would bind nothing, and break when a CPU goes. */
const pinTo = (cpus: CpuSet, { host }: KnobContext): string | undefined =>
  cpus.size === 0 || cpus.equals(host.online) ? undefined : cpus.toString();

function pinDrafts(context: KnobContext, how: 'dedicated' | 'cell' | 'none'): Draft[] {
  const { assignment, root } = context;
  const vcpus = vcpuTargets(context);
  const placement = cleared(root, 'vcpu.placement', '');
  if (how === 'none') {
    const free = vcpus.map((vcpu) => draft('vcpupin', vcpu, undefined));
    return [...placement, ...cleared(root, 'vcpu.cpuset', ''), ...free];
  }
  if (assignment === undefined)
    return vcpus.map((vcpu) => ({ ...draft('vcpupin', vcpu, undefined), problem: NOT_PLACED }));
  return [
    ...placement,
    ...vcpus.map((vcpu, index) => {
      const cpus = assignment.vcpus[index];
      return draft('vcpupin', vcpu, cpus && (how === 'cell' ? pinTo(cpus, context) : cpus.toString()));
    }),
  ];
}

/** Where QEMU's own threads or its iothreads go; nowhere in particular where placement had no CPUs for them. */
function helperDraft(
  id: string,
  target: string,
  how: 'placed' | 'none',
  cpus: CpuSet | undefined,
  context: KnobContext,
): Draft {
  if (how === 'none') return draft(id, target, undefined);
  if (cpus === undefined) return { ...draft(id, target, undefined), problem: NOT_PLACED };
  return draft(id, target, pinTo(cpus, context));
}

function memoryDrafts(
  context: KnobContext,
  mode: 'strict' | 'preferred' | 'interleave' | 'restrictive' | 'none',
): Draft[] {
  const { assignment, policy, shape, root } = context;
  if (mode === 'none') return unbound(root);
  const nodes = policy.numaNodes ?? CpuSet.of(assignment?.memoryCells ?? []);
  if (nodes.size === 0) return [{ ...draft('numatune.mode', '', mode), problem: NOT_PLACED }];
  const cells = shape.numa ? shape.cells.map((_, id) => id) : [];
  // A process can prefer only one cell; with several, each guest cell prefers its own.
  const whole =
    mode === 'preferred' && nodes.size > 1
      ? [draft('numatune.nodeset', '', undefined), draft('numatune.mode', '', undefined)]
      : [draft('numatune.nodeset', '', nodes.toString()), draft('numatune.mode', '', mode)];
  const nodesOf = (id: number): string => String(policy.numaNodes ?? assignment?.memoryCells[id] ?? nodes);
  return [...whole, ...cells.map((id) => draft('memnode', String(id), `${mode} ${nodesOf(id)}`))];
}

function unbound(root: KnobContext['root']): Draft[] {
  const cells = [...guestCellIds(root)].flatMap((id) => cleared(root, 'memnode', String(id)));
  return [...cells, draft('numatune.nodeset', '', undefined), draft('numatune.mode', '', undefined)];
}

export const placementKnobs: readonly Knob[] = [
  knob({
    id: 'cpu.pinning',
    group: 'placement',
    help: 'Where vCPUs run: `dedicated` gives each a host CPU of its own in one cell (or guest cell by guest cell), `cell` lets them share the CPUs of one cell, `none` takes pins away. Without it nothing is placed.',
    value: pinning,
    settings: ['vcpu.placement', 'vcpu.cpuset', 'vcpupin'],
    drafts: pinDrafts,
  }),
  knob({
    id: 'cpu.threads',
    group: 'placement',
    help: "How dedicated vCPUs use cores with SMT (Nova's words): `require` takes whole cores with SMT only, `prefer` whole cores first, `isolate` one vCPU a core with its siblings idle. `prefer` where it is not said.",
    value: threads,
  }),
  knob({
    id: 'cpu.dedicatedVcpus',
    group: 'placement',
    help: "vCPUs that get host CPUs of their own with `cpu.pinning: dedicated`; the others share what is left in the VM's cells (Nova's mixed policy, hw:cpu_dedicated_mask). All of them where it is not said; of each guest cell at least one.",
    value: vcpuMask,
  }),
  knob({
    id: 'emulator.cpus',
    group: 'placement',
    help: "Host CPUs of its own that a dedicated guest's emulator gets, off the vCPUs' cores; with 0 it goes with the host's own.",
    value: helperCpus,
  }),
  knob({
    id: 'emulator.pinning',
    group: 'placement',
    help: "Whether QEMU's own threads are pinned to where placement puts them, or not at all.",
    value: helperPinning,
    settings: ['emulatorpin'],
    drafts: (context, how) => [helperDraft('emulatorpin', '', how, context.assignment?.emulator, context)],
  }),
  knob({
    id: 'iothread.cpus',
    group: 'placement',
    help: "Host CPUs of its own that all of a dedicated guest's iothreads get together; with 0 they go where the emulator goes.",
    value: helperCpus,
  }),
  knob({
    id: 'iothread.pinning',
    group: 'placement',
    help: 'Whether iothreads are pinned to where placement puts them, or not at all.',
    value: helperPinning,
    settings: ['iothreadpin'],
    drafts: (context, how) =>
      context.ioThreads.map((id) =>
        helperDraft('iothreadpin', String(id), how, context.assignment?.ioThreads, context),
      ),
  }),
  knob({
    id: 'numa.cells',
    group: 'placement',
    help: "The guest's own NUMA cells: a number, `none`, or `auto` for as many as it takes for each to fit into one of the host's (none where one is enough, and those that it has stay).",
    value: guestCellCount,
    settings: ['numa.cells'],
    drafts: ({ shape }) => {
      const cells = shape.cells.map(({ vcpus, memoryKiB }) => ({
        cpus: vcpus.size === 0 ? undefined : vcpus.toString(),
        memoryKiB,
      }));
      return shape.reshaped ? [draft('numa.cells', '', shape.numa ? cellsText(cells) : undefined)] : [];
    },
  }),
  knob({
    id: 'numa.memory',
    group: 'placement',
    help: "How memory is bound to the cells that vCPUs run on: `strict` takes it from nowhere else, `preferred` from there first, `interleave` from each in turn, `restrictive` leaves it to the kernel within them and can be moved while the guest runs. Each of the guest's own cells is bound to its own.",
    value: numaMode,
    settings: ['numatune.mode', 'numatune.nodeset', 'memnode'],
    drafts: memoryDrafts,
  }),
  knob({
    id: 'numa.nodes',
    group: 'placement',
    help: 'Host cells that memory comes from, where they are not to be those that vCPUs run on.',
    value: numaNodes,
    settings: ['numatune.nodeset'],
    drafts: ({ policy }, nodes) =>
      policy.numaMode === undefined && nodes !== 'placed'
        ? [draft('numatune.nodeset', '', nodes.toString())]
        : [],
  }),
];

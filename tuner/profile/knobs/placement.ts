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
  text: 'the domain was not placed on the host',
  next: 'set cpu.pinning, and check what the placement refused',
};

const vcpuTargets = ({ shape }: KnobContext): string[] =>
  Array.from({ length: shape.vcpus }, (_, vcpu) => String(vcpu));

/** A pin to all CPUs would restrict nothing, and break when a CPU is removed. */
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

/** CPUs of QEMU's own threads or its iothreads; no pin if placement had no CPUs for them. */
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
  // A process can prefer only one cell; with several, each guest cell prefers a separate one.
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
    help: 'vCPU pinning: `dedicated` pins each to a dedicated host CPU within one cell (or each guest cell within one), `cell` lets them share the CPUs of one cell, `none` removes pins. Without it, nothing is placed.',
    value: pinning,
    settings: ['vcpu.placement', 'vcpu.cpuset', 'vcpupin'],
    drafts: pinDrafts,
  }),
  knob({
    id: 'cpu.threads',
    group: 'placement',
    help: 'Use of SMT cores by dedicated vCPUs (as in Nova): `require` takes only whole cores with SMT, `prefer` (default) takes whole cores first, `isolate` takes one vCPU per core and leaves its siblings idle.',
    value: threads,
  }),
  knob({
    id: 'cpu.dedicatedVcpus',
    group: 'placement',
    help: 'vCPUs that get dedicated CPUs with `cpu.pinning: dedicated`; default: all, at least one per guest cell. The others share the remaining CPUs in the cells of the VM (`mixed` policy and hw:cpu_dedicated_mask in Nova).',
    value: vcpuMask,
  }),
  knob({
    id: 'emulator.cpus',
    group: 'placement',
    help: 'Dedicated CPUs for emulator threads of a guest with dedicated vCPUs, on different cores than its vCPUs; with 0 they use the CPUs that are reserved for the host.',
    value: helperCpus,
  }),
  knob({
    id: 'emulator.pinning',
    group: 'placement',
    help: 'Pinning of emulator threads: where placement puts them, or none.',
    value: helperPinning,
    settings: ['emulatorpin'],
    drafts: (context, how) => [helperDraft('emulatorpin', '', how, context.assignment?.emulator, context)],
  }),
  knob({
    id: 'iothread.cpus',
    group: 'placement',
    help: 'Dedicated CPUs for all iothreads of a guest with dedicated vCPUs together; with 0 they use the CPUs of the emulator threads.',
    value: helperCpus,
  }),
  knob({
    id: 'iothread.pinning',
    group: 'placement',
    help: 'Pinning of iothreads: where placement puts them, or none.',
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
    help: 'NUMA cells of the guest: a number, `none`, or `auto` for as few as fit, each into one host cell (none if one is enough; existing cells stay).',
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
    help: 'NUMA memory mode, for the cells that vCPUs run on: `strict` allocates only there, `preferred` allocates there first, `interleave` takes turns, `restrictive` leaves the choice among them to the kernel and can change while the guest runs. Each guest cell is bound to its host cell.',
    value: numaMode,
    settings: ['numatune.mode', 'numatune.nodeset', 'memnode'],
    drafts: memoryDrafts,
  }),
  knob({
    id: 'numa.nodes',
    group: 'placement',
    help: 'Host cells of memory, if they should differ from the cells that vCPUs run on.',
    value: numaNodes,
    settings: ['numatune.nodeset'],
    drafts: ({ policy }, nodes) =>
      policy.numaMode === undefined && nodes !== 'placed'
        ? [draft('numatune.nodeset', '', nodes.toString())]
        : [],
  }),
];

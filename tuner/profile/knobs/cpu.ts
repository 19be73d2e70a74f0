import { parseTopology, topologyText } from '../../settings/cpu.ts';
import {
  asIs,
  type Draft,
  draft,
  type Knob,
  type KnobContext,
  knob,
  numberText,
  plainKnob,
} from '../knob.ts';
import { inMask, topology, vcpuMask } from '../policy.ts';
import { choice, onOff, orDefault, text, whole } from '../values.ts';

const PERIOD = orDefault(whole({ min: 1_000, max: 1_000_000 }));
const QUOTA = orDefault(whole({ min: 1_000, max: 17_592_186_044_415 }));
const POLICY = orDefault(
  text('`fifo 1`, `rr 1` (with a priority from 1 to 99), `batch` or `idle`', (raw) =>
    /^((fifo|rr) [1-9]\d?|batch|idle)$/.test(raw),
  ),
);
const FEATURE = orDefault(choice('require', 'disable'));

/** The text of a feature's state. */
export const state = (on: boolean | undefined): string | undefined =>
  on === undefined ? undefined : on ? 'on' : 'off';

function bandwidth(of: string, setting: string, whose: string): Knob[] {
  return [
    plainKnob({
      id: `${of}.period`,
      setting: `${setting}.period`,
      group: 'cpu',
      help: `CPU quota period of ${whose}, µs.`,
      value: PERIOD,
      canonical: numberText,
    }),
    plainKnob({
      id: `${of}.quota`,
      setting: `${setting}.quota`,
      group: 'cpu',
      help: `CPU quota of ${whose} per period, µs; \`default\` means unlimited.`,
      value: QUOTA,
      canonical: numberText,
    }),
  ];
}

function schedDrafts(setting: string, targets: readonly string[], policy: string | undefined): Draft[] {
  return targets.map((target) => draft(setting, target, policy));
}

/** One socket per cell, and threads as on the host's cores if the vCPUs divide evenly. */
function topologyDrafts({ shape, assignment, host }: KnobContext, wanted: string): Draft[] {
  if (wanted !== 'auto') {
    const parts = parseTopology(wanted);
    return parts === undefined ? [] : [draft('cpu.topology', '', topologyText(parts))];
  }
  const siblingsOf = new Map(
    host.topology.cells.flatMap((cell) => cell.cpus.map((cpu) => [cpu.id, cpu.siblings] as const)),
  );
  const { guestThreads } = shape;
  // Placement may not have found whole cores: consecutive vCPUs then do not share a core.
  const together = (first: number): boolean => {
    const core = siblingsOf.get(assignment?.vcpus[first]?.first ?? -1);
    return Array.from(
      { length: guestThreads },
      (_, thread) => assignment?.vcpus[first + thread]?.first ?? -1,
    ).every((cpu) => core?.has(cpu) === true);
  };
  const firsts = Array.from({ length: shape.vcpus / guestThreads }, (_, core) => core * guestThreads);
  const threads = guestThreads > 1 && firsts.every(together) ? guestThreads : 1;
  const sockets = shape.cells.length;
  const cores = shape.vcpus / (sockets * threads);
  const value = { sockets, dies: 1, clusters: 1, cores, threads };
  if (Number.isInteger(cores)) return [draft('cpu.topology', '', topologyText(value))];
  return [
    {
      ...draft('cpu.topology', '', undefined),
      problem: {
        code: 'TOPOLOGY_UNEVEN',
        text: `${shape.vcpus} vCPUs cannot be divided evenly over ${sockets} sockets`,
        next: `use a multiple of ${sockets} vCPUs, or set cpu.topology`,
      },
    },
  ];
}

const NEAR_THE_HOST = new Set(['host-passthrough', 'host-model', 'maximum']);

/** Only proposed: the guest sees another CPU after its next start, and its migration targets may change. */
function proposedMode({ facts, policy }: KnobContext): Draft[] {
  if (facts.cpu.mode !== undefined && NEAR_THE_HOST.has(facts.cpu.mode)) return [];
  const mode = policy.pinning === 'dedicated' ? 'host-passthrough' : 'host-model';
  const migrates =
    mode === 'host-passthrough'
      ? 'it can then migrate only to hosts with the same CPU, microcode and kernel; to migrate to other hosts, use cpu.mode: host-model'
      : 'it can then migrate only to hosts that have all features of this CPU';
  return [
    {
      ...draft('cpu.mode', '', mode),
      proposal: `the guest sees another CPU from its next start on, which can affect software licenses; ${migrates}`,
    },
  ];
}

export const cpuKnobs: readonly Knob[] = [
  knob({
    id: 'cpu.mode',
    group: 'cpu',
    help: 'CPU model that the guest sees: the CPU of the host (`host-passthrough`), a similar model that can migrate (`host-model`), or everything that QEMU supports (`maximum`). `auto` proposes a change for a VM with the default CPU of QEMU or a named model: host-passthrough if it has dedicated CPUs, else host-model.',
    value: choice('host-passthrough', 'host-model', 'maximum', 'auto'),
    settings: ['cpu.mode'],
    drafts: (context, mode) => (mode === 'auto' ? proposedMode(context) : [draft('cpu.mode', '', mode)]),
  }),
  knob({
    id: 'cpu.topology',
    group: 'cpu',
    help: 'CPU topology that the guest sees: sockets, dies, cores, threads. `auto`: one socket per NUMA cell of the guest, and threads per core as on the host if placement keeps siblings together.',
    value: topology,
    settings: ['cpu.topology'],
    drafts: topologyDrafts,
  }),
  plainKnob({
    id: 'cpu.tscDeadline',
    setting: 'cpu.feature.tsc-deadline',
    group: 'cpu',
    help: 'TSC deadline timer, which causes fewer exits than other timers.',
    value: FEATURE,
    canonical: asIs,
  }),
  plainKnob({
    id: 'cpu.invtsc',
    setting: 'cpu.feature.invtsc',
    group: 'cpu',
    help: 'Invariant TSC, a stable clock for the guest. Prevents migration unless the TSC frequency is set.',
    value: FEATURE,
    canonical: asIs,
  }),
  plainKnob({
    id: 'cpu.pmu',
    setting: 'pmu',
    group: 'cpu',
    help: 'Performance counters for the guest (virtual PMU). Without them, entering and leaving the guest saves fewer registers.',
    value: orDefault(onOff),
    canonical: state,
  }),
  plainKnob({
    id: 'cpu.shares',
    setting: 'shares',
    group: 'cpu',
    help: 'CPU shares relative to other domains: 2-262144 with cgroup v1 (default 1024), 1-10000 with v2 (default 100).',
    value: orDefault(whole({ min: 1, max: 262_144 })),
    canonical: numberText,
  }),
  ...bandwidth('cpu', 'vcpu', 'each vCPU'),
  ...bandwidth('global', 'global', 'the whole domain'),
  ...bandwidth('emulator', 'emulator', 'emulator threads'),
  ...bandwidth('iothread', 'iothread', 'each iothread'),
  knob({
    id: 'cpu.scheduler',
    group: 'cpu',
    help: 'Scheduling policy of vCPUs. A real-time vCPU (`fifo`, `rr`) starves everything else on its CPU, including the kernel.',
    value: POLICY,
    settings: ['vcpusched'],
    drafts: ({ shape, policy: { realtimeVcpus } }, policy) =>
      Array.from({ length: shape.vcpus }, (_, vcpu) =>
        draft('vcpusched', String(vcpu), inMask(realtimeVcpus, vcpu) ? policy : undefined),
      ),
  }),
  knob({
    id: 'cpu.realtimeVcpus',
    group: 'cpu',
    help: 'vCPUs that `cpu.scheduler` applies to; default: all. The others keep the normal policy, for housekeeping in the guest (hw:cpu_realtime_mask in Nova).',
    value: vcpuMask,
  }),
  plainKnob({
    id: 'emulator.scheduler',
    setting: 'emulatorsched',
    group: 'cpu',
    help: 'Scheduling policy of emulator threads.',
    value: POLICY,
    canonical: asIs,
  }),
  knob({
    id: 'iothread.scheduler',
    group: 'cpu',
    help: 'Scheduling policy of iothreads.',
    value: POLICY,
    settings: ['iothreadsched'],
    drafts: ({ ioThreads }, policy) => schedDrafts('iothreadsched', ioThreads.map(String), policy),
  }),
  plainKnob({
    id: 'cpu.cache',
    setting: 'cachetune',
    group: 'cpu',
    help: 'Cache allocation of vCPUs (resctrl): `0-3: L3 0 both 3 MiB`.',
    value: orDefault(
      text(
        'groups such as `0-3: L3 0 both 3 MiB, L3 1 both 3 MiB; 4-5: L3 0 both 1 MiB`',
        (raw) =>
          /^([\d,-]+: (L\d \d+ (both|code|data) \d+ [KMG]iB(, )?)+(; )?)+$/.test(raw) && !/[,;] $/.test(raw),
      ),
    ),
    canonical: asIs,
  }),
  plainKnob({
    id: 'cpu.memoryBandwidth',
    setting: 'memorytune',
    group: 'cpu',
    help: 'Memory bandwidth allocation of vCPUs (resctrl): `0-3: node 0 60 %`.',
    value: orDefault(
      text(
        'groups such as `0-3: node 0 60 %; 4-5: node 0 30 %`',
        (raw) => /^([\d,-]+: (node \d+ \d{1,3} %(, )?)+(; )?)+$/.test(raw) && !/[,;] $/.test(raw),
      ),
    ),
    canonical: asIs,
  }),
  plainKnob({
    id: 'kvm.hintDedicated',
    setting: 'kvm.hint-dedicated',
    group: 'cpu',
    help: 'Exposes KVM_HINTS_REALTIME: the guest assumes dedicated CPUs, spins instead of yielding, and polls before it halts. Harmful on shared CPUs.',
    value: orDefault(onOff),
    canonical: state,
  }),
  plainKnob({
    id: 'kvm.pollControl',
    setting: 'kvm.poll-control',
    group: 'cpu',
    help: 'Halt polling by the guest, which then disables halt polling on the host.',
    value: orDefault(onOff),
    canonical: state,
  }),
];

import { formatSeconds } from '../../model/duration.ts';
import type { Advice, VmRef } from '../advice.ts';
import type { Answer } from '../answer.ts';
import { DEFAULT_URI } from '../commands.ts';
import { memorySizeAdvice } from './memory.ts';
import { HostRoom } from './room.ts';
import { GROW_SECONDS, KNOWN_SHARE, SHRINK_SECONDS } from './rules.ts';
import type { HostUsage, VmUsage } from './usage.ts';
import { type SizingContext, vcpuAdvice } from './vcpus.ts';

/**
 * VMs that have more or less than they need, by their use over the range: first those that lack something.
 * @param uri of the host, for commands; undefined: without commands
 * @param isAsked selects the VMs of the answer; the host's room is shared by all VMs
 */
export function sizeAdvice(
  host: HostUsage,
  uri: string | undefined,
  isAsked: (vm: VmRef) => boolean,
): Answer {
  const spanSeconds = host.toSeconds - host.fromSeconds;
  const context: SizingContext = {
    uri: uri ?? DEFAULT_URI,
    room: new HostRoom(host),
    hostCpus: host.cpus,
    spanSeconds,
  };
  const advice = host.vms
    .flatMap((vm) => ofVm(vm, context))
    .filter(({ victims }) => victims.some(isAsked))
    .map((each) => (uri === undefined ? withoutCommands(each) : each))
    .toSorted((a, b) => Number(b.severity === 'warn') - Number(a.severity === 'warn'));
  const isShort = spanSeconds < SHRINK_SECONDS;
  return {
    state: advice.length > 0 ? 'advice' : isShort ? 'not enough evidence' : 'nothing to do',
    advice,
    askAgainAfterSeconds: isShort ? SHRINK_SECONDS - spanSeconds : undefined,
    unknown: [...tooShort(spanSeconds), ...unknownsOf(host.vms.filter(isAsked), spanSeconds)],
  };
}

/** A command without the URI of its host would change a VM on another host. */
function withoutCommands(advice: Advice): Advice {
  return {
    ...advice,
    remedies: advice.remedies.map((each) =>
      each.steps.length === 0
        ? each
        : {
            ...each,
            change: `${each.change}; give the URI of the host with -c for commands: its label instance is not a host name`,
            steps: [],
          },
    ),
  };
}

function tooShort(spanSeconds: number): string[] {
  const span = formatSeconds(spanSeconds);
  if (spanSeconds < GROW_SECONDS)
    return [`what VMs need: ${span} of series are too short; a day is the least`];
  return spanSeconds < SHRINK_SECONDS
    ? [
        `what VMs do not need: ${span} of series are too short; ${formatSeconds(SHRINK_SECONDS)} are the least, since some load comes once a week`,
      ]
    : [];
}

function ofVm(vm: VmUsage, context: SizingContext): Advice[] {
  const { cpu, memory } = known(vm, context.spanSeconds);
  return [
    (cpu && vcpuAdvice(vm, cpu, context)) ?? [],
    (memory && memorySizeAdvice(vm, memory, context)) ?? [],
  ].flat();
}

/** Figures that cover nearly all of the range at the present size: the missing rest may be the hours that matter. */
function known({ cpu, memory, unsure }: VmUsage, spanSeconds: number): Pick<VmUsage, 'cpu' | 'memory'> {
  const isKnown = (seconds: number): boolean => unsure === undefined && seconds >= KNOWN_SHARE * spanSeconds;
  return {
    cpu: cpu !== undefined && isKnown(cpu.knownSeconds) ? cpu : undefined,
    memory: memory !== undefined && isKnown(memory.knownSeconds) ? memory : undefined,
  };
}

/** One line per reason, with the VMs. */
function unknownsOf(vms: readonly VmUsage[], spanSeconds: number): string[] {
  const reasons = vms.flatMap((vm) => {
    if (vm.unsure !== undefined) return [{ vm, reason: `what VMs need: ${vm.unsure}` }];
    const { cpu, memory } = known(vm, spanSeconds);
    const missing = (what: string, seconds: number | undefined): { vm: VmUsage; reason: string } => ({
      vm,
      reason: `${what}: ${seconds === undefined ? 'not recorded' : `known for less than ${100 * KNOWN_SHARE} % of the range`}`,
    });
    return [
      ...(cpu === undefined ? [missing('CPU demand', vm.cpu?.knownSeconds)] : []),
      ...(memory === undefined ? [missing('memory in guests', vm.memory?.knownSeconds)] : []),
    ];
  });
  return [...Map.groupBy(reasons, ({ reason }) => reason)].map(
    ([reason, its]) => `${reason}: ${listed(its.map(({ vm }) => vm.name))}`,
  );
}

const SHOWN = 5;

const listed = (names: readonly string[]): string =>
  names.length <= SHOWN
    ? names.join(', ')
    : `${names.slice(0, SHOWN).join(', ')} and ${names.length - SHOWN} more`;

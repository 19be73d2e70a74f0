import { availableKiB } from '../model/host-missing.ts';
import { GUEST_DOES_NOT_REPORT, type MissingReason } from '../model/missing.ts';
import type { Advice } from './advice.ts';
import type { HostObservation, ObservedVm } from './observation.ts';

/** How long the next `virtune advise` should observe when this one was too short. */
const ASK_AGAIN_SECONDS = 120;

/** The result for a host: advice, nothing to do, or not enough evidence yet. */
export interface Answer {
  readonly state: 'advice' | 'nothing to do' | 'not enough evidence';
  readonly advice: readonly Advice[];
  /** Absent where there is enough evidence. */
  readonly askAgainAfterSeconds: number | undefined;
  /** What could not be assessed, and why, one sentence each. */
  readonly unknown: readonly string[];
}

/** `minSamples`: with fewer samples, load figures are meaningless, and advice comes from facts only. */
export function answerOf(
  observation: HostObservation,
  advice: readonly Advice[],
  minSamples: number,
): Answer {
  const isShort = observation.samples < minSamples;
  return {
    state: advice.length > 0 ? 'advice' : isShort ? 'not enough evidence' : 'nothing to do',
    advice,
    askAgainAfterSeconds: isShort ? ASK_AGAIN_SECONDS : undefined,
    unknown: unknownsOf(observation, minSamples),
  };
}

function unknownsOf({ newest, vms, samples, cpus, host }: HostObservation, minSamples: number): string[] {
  const running = vms.filter((vm) => vm.running);
  const { host: figures } = newest;
  const noteIf = (isUnknown: boolean, text: string): string[] => (isUnknown ? [text] : []);
  const fresh = (vm: ObservedVm): number => Math.max(vm.runCpus.count, vm.usedCpus.count);
  const unseen = running.filter((vm) => fresh(vm) < minSamples).length;
  const blind = running.flatMap((vm) => whyBlind(vm, minSamples) ?? []);
  const silent = blind.filter(isSilent).length;
  return [
    ...noteIf(samples < minSamples, `load: ${samples} samples with rates, and ${minSamples} are needed`),
    ...noteIf(
      samples >= minSamples && unseen > 0,
      `load of ${unseen} VMs: they started or answered too late`,
    ),
    ...noteIf(cpus === undefined, 'CPUs: the host did not report its topology'),
    ...noteIf(
      figures === undefined || (availableKiB(figures) ?? figures.memoryKiB.get('free')) === undefined,
      'memory: the host did not report its free memory',
    ),
    ...noteIf(
      host.memoryPressure.count === 0,
      'memory pressure and swapping of the host: virtune does not read its /proc, or its kernel has no PSI',
    ),
    ...noteIf(silent > 0, `memory in ${silent} of ${running.length} guests: they do not report it`),
    ...noteIf(
      blind.length > silent,
      `memory in ${blind.length - silent} of ${running.length} guests: they were paused, suspended or crashed, or could not be queried`,
    ),
  ];
}

/**
 * Why a guest's memory is unknown. The reason is that of the newest sample only, which may be an exception: a VM that a
 * backup is holding at this moment may have figures in all previous samples.
 */
function whyBlind({ guest, missing }: ObservedVm, minSamples: number): MissingReason | undefined {
  return guest.usableShare.count < minSamples ? missing.get('balloon') : undefined;
}

const isSilent = (reason: MissingReason): boolean =>
  (GUEST_DOES_NOT_REPORT as readonly MissingReason[]).includes(reason);

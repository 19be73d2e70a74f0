import { contentionRatio } from '../../model/overcommit.ts';
import type { HostView } from '../model/host-view.ts';
import type { Role } from '../text/line.ts';

/** A ratio warns, contention pages: the limits are those of alerts such as HostCpuContentionHigh. */
const CONTENTION_BAD = 0.1;
const CONTENTION_WARN = 0.05;
const MEMORY_RATIO_BAD = 0.9;
const MEMORY_PRESSURE_BAD = 0.05;
const SWAP_IN_BAD = 100;

export interface Verdict {
  readonly text: string;
  readonly role: Role;
}

/** Whether overcommit causes contention: the ratio alone does not show that. */
export function verdictOf({ sample, rates }: HostView): Verdict {
  const contention = sample?.contention && contentionRatio(sample.contention);
  const ratio = sample?.overcommit?.vcpuRatio ?? 0;
  const memoryRatio = sample?.overcommit?.memoryMaximumRatio ?? 0;
  const pressure = rates?.pressure.get('memory')?.full ?? 0;
  const memoryStalls =
    memoryRatio > MEMORY_RATIO_BAD && (pressure > MEMORY_PRESSURE_BAD || (rates?.swapIn ?? 0) > SWAP_IN_BAD);
  if (memoryStalls) return { text: 'MEMORY OVERCOMMITTED', role: 'bad' };
  if (sample?.contention === undefined) return { text: 'measuring', role: 'dim' };
  if ((contention ?? 0) > CONTENTION_BAD) {
    return { text: ratio > 1 ? 'CPU OVERCOMMITTED' : 'CPU CONTENTION', role: 'bad' };
  }
  if ((contention ?? 0) > CONTENTION_WARN) return { text: 'some CPU contention', role: 'warn' };
  return ratio > 1 ? { text: 'overcommitted, ok', role: 'ok' } : { text: 'ok', role: 'ok' };
}

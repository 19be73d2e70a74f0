import { contentionRatio } from '../../model/overcommit.ts';
import type { HostView } from '../model/host-view.ts';
import type { Role } from '../text/line.ts';

/** Ratios warn, harm pages: the limits are those of the alert rules HostCpuContentionHigh and its like. */
const CONTENTION_HARM = 0.1;
const CONTENTION_NOTABLE = 0.05;
const MEMORY_RATIO_HARM = 0.9;
const MEMORY_PRESSURE_HARM = 0.05;
const SWAP_IN_HARM = 100;

export interface Verdict {
  readonly text: string;
  readonly role: Role;
}

/** Whether what is promised hurts: the ratio alone says nothing of that. */
export function verdictOf({ sample, rates }: HostView): Verdict {
  const contention = sample?.contention && contentionRatio(sample.contention);
  const ratio = sample?.overcommit?.vcpuRatio ?? 0;
  const memoryRatio = sample?.overcommit?.memoryMaximumRatio ?? 0;
  const pressure = rates?.pressure.get('memory')?.full ?? 0;
  const memoryHurts =
    memoryRatio > MEMORY_RATIO_HARM &&
    (pressure > MEMORY_PRESSURE_HARM || (rates?.swapIn ?? 0) > SWAP_IN_HARM);
  if (memoryHurts) return { text: 'MEMORY OVERCOMMIT HURTS', role: 'bad' };
  if (sample?.contention === undefined) return { text: 'measuring', role: 'dim' };
  if ((contention ?? 0) > CONTENTION_HARM) {
    return { text: ratio > 1 ? 'CPU OVERCOMMIT HURTS' : 'VMS WAIT FOR CPU', role: 'bad' };
  }
  if ((contention ?? 0) > CONTENTION_NOTABLE) return { text: 'VMs wait for CPU', role: 'warn' };
  return ratio > 1 ? { text: 'overcommitted, harmless', role: 'ok' } : { text: 'nobody waits', role: 'ok' };
}

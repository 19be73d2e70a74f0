import { availableKiB } from '../../model/host-missing.ts';
import { isHurtBySwap } from '../../model/host-rates.ts';
import { isContended } from '../../model/overcommit.ts';
import type { HostView } from '../model/host-view.ts';
import type { Role } from '../text/line.ts';

/** High ratios warn, contention is critical: the limits are those of alerts such as HostCpuContentionHigh. */
export const CONTENTION_BAD = 0.1;
const CONTENTION_WARN = 0.05;
const MEMORY_PRESSURE_BAD = 0.05;
/** Minimum fraction of memory that is available on a host that is not almost full. */
const AVAILABLE_LOW = 0.05;

export interface Verdict {
  readonly text: string;
  readonly role: Role;
}

/** Whether overcommit hurts, which the ratios alone do not show. Unknown is never shown as ok. */
export function verdictOf(host: HostView): Verdict {
  const cpu = cpuVerdict(host);
  const memory = memoryVerdict(host);
  if (memory === undefined) return cpu;
  if (memory.role === 'bad' && cpu.role !== 'bad') return memory;
  const role = ORDER.find((each) => cpu.role === each || memory.role === each) ?? 'text';
  return { text: `${cpu.text}, ${memory.text}`, role };
}

/** The worst first. */
const ORDER: readonly Role[] = ['bad', 'warn', 'dim', 'text', 'ok'];

function cpuVerdict({ sample }: HostView): Verdict {
  const contention = sample?.contention;
  const ratio = sample?.overcommit?.vcpuRatio ?? 0;
  if (contention === undefined) return { text: 'measuring', role: 'dim' };
  if (isContended(contention, CONTENTION_BAD)) {
    return { text: ratio > 1 ? 'CPU OVERCOMMITTED' : 'CPU CONTENTION', role: 'bad' };
  }
  if (isContended(contention, CONTENTION_WARN)) return { text: 'some CPU contention', role: 'warn' };
  return ratio > 1 ? { text: 'overcommitted, ok', role: 'ok' } : { text: 'ok', role: 'ok' };
}

/** Undefined when memory is known to be fine, or nothing is known about the host yet. */
function memoryVerdict({ sample, rates, advice }: HostView): Verdict | undefined {
  const figures = sample?.host;
  const pressure = rates?.pressure.get('memory')?.full;
  const swapIn = rates?.swapIn;
  const short = advice.all.find(({ kind }) => kind === 'host-memory-short')?.severity;
  const isSwapping = rates !== undefined && isHurtBySwap(rates);
  if (short === 'bad' || isSwapping || (pressure ?? 0) > MEMORY_PRESSURE_BAD) {
    const isOvercommitted = (sample?.overcommit?.memoryMaximumRatio ?? 0) > 0.9;
    // Tasks can stall on memory although the host has some available.
    const waits = isSwapping ? 'SWAPPING' : 'MEMORY PRESSURE';
    return {
      text: isOvercommitted ? 'MEMORY OVERCOMMITTED' : short === 'bad' ? 'MEMORY SHORT' : waits,
      role: 'bad',
    };
  }
  if (rates === undefined) return undefined;
  const available = figures && availableKiB(figures);
  const total = figures?.memoryKiB.get('total');
  if (available !== undefined && total !== undefined && available < AVAILABLE_LOW * total)
    return { text: 'memory almost full', role: 'warn' };
  // Tasks stall on memory, or did until recently, although the host has enough.
  if (short !== undefined)
    return {
      text: (rates.pressure.get('memory')?.some ?? 0) > 0 ? 'memory pressure' : 'swapping',
      role: 'warn',
    };
  if (pressure !== undefined || (swapIn !== undefined && available !== undefined)) return undefined;
  return { text: 'memory: unknown', role: 'text' };
}

import type { Advice } from '../advice.ts';
import type { Context } from '../context.ts';
import { cpuAdvice } from './cpu.ts';
import { memoryKinds } from './memory.ts';
import { emulatedNics, nicDrops } from './nic.ts';
import { numaSplit, remoteMemory, widerThanCell } from './placement.ts';
import { stateAdvice } from './state.ts';
import { storageKinds } from './storage.ts';

/**
 * Each looks for the causes of one resource. Order matters for those that take host memory: it is the order in which
 * the memory is allotted.
 */
export const FINDERS: readonly ((context: Context) => readonly Advice[])[] = [
  stateAdvice,
  cpuAdvice,
  memoryKinds,
  storageKinds,
  nicDrops,
  emulatedNics,
  numaSplit,
  remoteMemory,
  widerThanCell,
];

import type { Advice } from '../advice.ts';
import type { Context } from '../context.ts';
import { cpuAdvice } from './cpu.ts';
import { memoryKinds } from './memory.ts';
import { emulatedNics, nicDrops } from './nic.ts';
import { numaSplit, remoteMemory, widerThanCell } from './placement.ts';
import { stateAdvice } from './state.ts';
import { storageKinds } from './storage.ts';

/** Each looks for the causes of one resource. What takes memory of the host comes in the order in which it is given away. */
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

import type { Advice } from '../advice.ts';
import type { Context } from '../context.ts';
import { cpuAdvice } from './cpu.ts';
import { memoryKinds } from './memory.ts';
import { emulatedNics, nicDrops } from './nic.ts';
import { numaSplit, remoteMemory, widerThanCell } from './placement.ts';
import { stateAdvice } from './state.ts';
import { storageKinds } from './storage.ts';

/** Each finds the causes for one resource. Host memory is allotted in this order. */
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

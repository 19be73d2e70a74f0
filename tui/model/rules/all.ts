import {
  chain,
  diskErrors,
  diskThreads,
  diskWithoutIoThread,
  oldSnapshot,
  slowDisk,
  unsafeCache,
} from './disks.ts';
import { steal, stopped, stuck } from './host.ts';
import { job } from './job.ts';
import { balloon, silentBalloon, smallPages } from './memory.ts';
import { nicDrops, nicModel } from './nics.ts';
import { dedicatedTwice, memoryFar, overCells, wide } from './placement.ts';
import type { Rule } from './rule.ts';

/** Each looks for one thing. */
export const RULES: readonly Rule[] = [
  stuck,
  stopped,
  job,
  steal,
  dedicatedTwice,
  balloon,
  overCells,
  memoryFar,
  diskErrors,
  slowDisk,
  diskThreads,
  unsafeCache,
  chain,
  nicDrops,
  wide,
  diskWithoutIoThread,
  nicModel,
  silentBalloon,
  smallPages,
  oldSnapshot,
];

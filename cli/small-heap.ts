import { getHeapSpaceStatistics, setFlagsFromString } from 'node:v8';

/**
 * Bytes of the nursery (V8's young generation). Measured at 1,000 VMs (test/bench: scale): 1 MiB takes a third more
 * CPU, since it fills up while a VM's intermediate objects are still in use; 8 gain little; V8's own choice grows to
 * tens of MiB that it never returns. build/node-flags.ts has the same size, for an exporter of few VMs.
 */
const NURSERY_BYTES = 4 * 1024 * 1024;

/** Bounds the loop: more arrays than it takes to grow the nursery. */
const FILLERS_MAX = 1_000;

/**
 * A sample allocates and drops 0.1 MB per VM, and V8 prefers growing the heap to collecting it. Call this before
 * anything else: a nursery that has grown shrinks only at a low allocation rate, and not below the size that Node.js
 * was started with.
 */
export function keepNurserySmall(): void {
  // A running process can no longer set the size, but it can set whether the nursery grows.
  setFlagsFromString('--semi-space-growth-factor=2');
  const alive: number[][] = [];
  while (nurseryBytes() < NURSERY_BYTES && alive.length < FILLERS_MAX) alive.push(new Array(2_048).fill(0));
  setFlagsFromString('--semi-space-growth-factor=1');
}

/** For a process that samples rarely. */
export function keepHeapSmall(): void {
  keepNurserySmall();
  // By default V8 lets garbage grow to several times the live heap before a collection; at 1,000 VMs that is 80 MB.
  // Values below 12 gain nothing, and 30 takes 8 MB more after a thousand scrapes, for no less CPU.
  setFlagsFromString('--heap-growing-percent=12');
  // V8 considers the process idle between two scrapes and collects the whole heap once or twice: 30 to 60 ms of CPU,
  // for some MiB that the next scrapes allocate again, and it discards compiled code that must then be recompiled.
  setFlagsFromString('--no-memory-reducer');
}

function nurseryBytes(): number {
  return (
    getHeapSpaceStatistics().find(({ space_name }) => space_name === 'new_space')?.space_size ?? NURSERY_BYTES
  );
}

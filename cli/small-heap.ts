import { getHeapSpaceStatistics, setFlagsFromString } from 'node:v8';

/**
 * Bytes of the nursery, where objects are born. Measured at 1,000 VMs (test/bench: scale): 1 MiB takes a third
 * more CPU, for it is full before what a VM's figures are made from is done with; 8 gain little; V8's own choice
 * grows to tens of MiB that it never gives back. build/node-flags.ts has the same size, for an exporter of few VMs.
 */
const NURSERY_BYTES = 4 * 1024 * 1024;

/** More than it takes to have it grow. */
const FILLERS_MAX = 1_000;

/**
 * A sample makes and forgets 0.1 MB for each VM, and V8 would rather hold memory than collect it. Runs before anything
 * else: a nursery that has grown shrinks only where little is allocated, and not below the size that Node.js was
 * started with.
 */
export function keepNurserySmall(): void {
  // Its size cannot be set any more in a process that runs, but whether it grows can.
  setFlagsFromString('--semi-space-growth-factor=2');
  const alive: number[][] = [];
  while (nurseryBytes() < NURSERY_BYTES && alive.length < FILLERS_MAX) alive.push(new Array(2_048).fill(0));
  setFlagsFromString('--semi-space-growth-factor=1');
}

/** For a process that samples rarely. */
export function keepHeapSmall(): void {
  keepNurserySmall();
  // V8 lets garbage grow to several times what is alive before it looks; at 1,000 VMs that is 80 MB. Less than
  // this gains nothing, and 30 is 8 MB more after a thousand scrapes, for no less CPU.
  setFlagsFromString('--heap-growing-percent=12');
  // Between two scrapes V8 takes the process for idle, and collects the whole heap once or twice: 30 to 60 ms of CPU, for
  // some MiB that the next scrapes take again, and the code of functions that it then compiles again.
  setFlagsFromString('--no-memory-reducer');
}

function nurseryBytes(): number {
  return (
    getHeapSpaceStatistics().find(({ space_name }) => space_name === 'new_space')?.space_size ?? NURSERY_BYTES
  );
}

import { spawn } from 'node:child_process';
import { availableParallelism } from 'node:os';

/** `VIRTUNE_BENCH_AWAKE=1` */
const isAsked = process.env['VIRTUNE_BENCH_AWAKE'] === '1';

/** For the title of a table. */
export const AWAKE_NOTE = isAsked ? ', CPUs kept awake' : '';

/**
 * Where it is asked for, keeps each CPU busy with work of SCHED_IDLE, which runs only while nothing else does. A virtual machine
 * that idles has its memory reclaimed by its hypervisor, and then measures that; a host whose VMs run does not idle.
 *
 * @returns ends the work
 */
export function keepAwake(): () => void {
  if (!isAsked) return () => undefined;
  const spinners = Array.from({ length: availableParallelism() }, () =>
    spawn('chrt', ['-i', '0', 'sh', '-c', 'while :; do :; done'], { stdio: 'ignore' }),
  );
  return () => {
    for (const spinner of spinners) spinner.kill();
  };
}

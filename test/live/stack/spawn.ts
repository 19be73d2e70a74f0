import { spawn } from 'node:child_process';

/** One of our programs in the background; `stop` waits for it to end, so that its files can be removed. */
export interface Spawned {
  readonly pid: number;
  stop(): Promise<void>;
}

export function spawnQuietly(program: string, args: readonly string[]): Spawned {
  const child = spawn(program, args, { stdio: 'ignore' });
  const ended = new Promise<void>((resolve) => {
    child.once('close', () => resolve());
    child.once('error', () => resolve());
  });
  return {
    pid: child.pid ?? 0,
    stop: async () => {
      child.kill();
      await ended;
    },
  };
}

import type { ChildProcess } from 'node:child_process';
import type { Readable } from 'node:stream';

/** Resolves with true once this holds, which is looked at whenever the child writes; with false when the child ends first. */
export function saidBeforeEnd(
  child: ChildProcess,
  output: Readable | null,
  holds: () => boolean,
): Promise<boolean> {
  return new Promise((resolve) => {
    const look = (): void => {
      if (holds()) done(true);
    };
    const end = (): void => done(holds());
    const done = (said: boolean): void => {
      output?.off('data', look);
      child.off('close', end);
      resolve(said);
    };
    output?.on('data', look);
    child.on('close', end);
    if (child.exitCode !== null || child.signalCode !== null) end();
    else look();
  });
}

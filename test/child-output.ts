import type { ChildProcess } from 'node:child_process';
import type { Readable } from 'node:stream';

/** Resolves with true once this holds, checked whenever the child writes; with false if the child ends first. */
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

/** Everything a child with both outputs in pipes has written by its end, and its exit code: null after a signal. */
export async function outputOf(
  child: ChildProcess,
): Promise<{ readonly status: number | null; readonly stdout: string; readonly stderr: string }> {
  let [stdout, stderr] = ['', ''];
  child.stdout?.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
  });
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  const status = await new Promise<number | null>((resolve) => child.once('close', resolve));
  return { status, stdout, stderr };
}

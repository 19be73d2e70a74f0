import { execFileSync, spawnSync } from 'node:child_process';

export class LabError extends Error {
  override readonly name = 'LabError';
  readonly code = 'LAB';
}

/** Runs a program with an argument array; returns its standard output. */
export function run(
  program: string,
  args: readonly string[],
  options: { input?: string | Buffer; cwd?: string } = {},
): string {
  try {
    return execFileSync(program, args, {
      encoding: 'utf8',
      maxBuffer: 64 * 1024 * 1024,
      stdio: ['pipe', 'pipe', 'pipe'],
      env: { ...process.env, LC_ALL: 'C', DEBIAN_FRONTEND: 'noninteractive' },
      ...options,
    });
  } catch (error) {
    const { stderr, message } = error as { stderr?: string; message: string };
    throw new LabError(`${program} ${args.join(' ')} failed: ${stderr?.trim() || message}`, { cause: error });
  }
}

/** Whether the program exits with 0; its output is ignored. */
export function succeeds(program: string, args: readonly string[]): boolean {
  return spawnSync(program, args, { stdio: 'ignore' }).status === 0;
}

export const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Polls until `test` returns a result; rejects after `timeoutMs` with what was waited for. */
export async function until<T>(
  what: string,
  timeoutMs: number,
  test: () => T | Promise<T>,
): Promise<NonNullable<T>> {
  const endMs = performance.now() + timeoutMs;
  let last: unknown;
  while (performance.now() < endMs) {
    try {
      const value = await test();
      if (value !== undefined && value !== null && value !== false) return value as NonNullable<T>;
    } catch (error) {
      last = error;
    }
    await sleep(100);
  }
  throw new LabError(
    `waited ${timeoutMs} ms for ${what} without success${last ? `: ${(last as Error).message}` : ''}`,
  );
}

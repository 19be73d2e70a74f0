import { spawn } from 'node:child_process';
import { hash } from 'node:crypto';
import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { TunerError } from '../errors.ts';
import { cannot, type StateFolder } from './folder.ts';

const TRY_EVERY_MS = 250;
/** Exit status of flock(1) when another process holds the lock. */
const HELD = 1;

const holderSchema = z.object({
  pid: z.number(),
  command: z.string(),
  since: z.string(),
  /** Where the holder runs; absent on this machine. */
  machine: z.string().optional(),
});
export type LockHolder = z.infer<typeof holderSchema>;

export interface LockOptions {
  readonly hostname: string;
  /** As it was typed, for a user who finds the host locked. */
  readonly command: string;
  readonly waitMs: number;
  readonly signal?: AbortSignal | undefined;
  readonly now: () => Date;
  /** Called once, when there is a holder to wait for. */
  readonly onWait?: ((holder: LockHolder | undefined) => void) | undefined;
}

export interface HostLock {
  release(): Promise<void>;
}

/**
 * One run per host. The lock is flock(2) on a file in the state folder: the kernel releases it when its holder ends,
 * however it ends, so there are no stale locks; it works across network namespaces and containers that share the
 * folder, unlike a socket's name; and no other user can take it, since the file is private to the owner.
 *
 * Node has no flock(2). flock(1) takes the lock on the file descriptor that it inherits, and exits: the lock belongs to
 * the open file description that both share, and stays with this process.
 *
 * @throws TunerError TUNE_LOCKED naming the holder, when the lock is not free in time.
 */
export async function lockHost(folder: StateFolder, options: LockOptions): Promise<HostLock> {
  const { hostname, command, waitMs, signal, now, onWait } = options;
  const path = join(folder.locks, `${hash('sha256', hostname).slice(0, 16)}.lock`);
  let file: FileHandle;
  try {
    file = await open(path, constants.O_RDWR | constants.O_CREAT, 0o600);
  } catch (error) {
    throw cannot(`the lock ${path} cannot be opened`, error, 'run virtune as the owner of the state folder');
  }
  try {
    const endMs = performance.now() + waitMs;
    for (let warned = false; !(await takeLock(file)); warned = true) {
      const holder = await readHolder(file);
      if (performance.now() >= endMs) throw locked(hostname, holder);
      if (!warned) onWait?.(holder);
      await sleep(TRY_EVERY_MS, undefined, { signal }).catch(() => {
        throw new TunerError(
          'TUNE_STOPPED',
          'interrupted while waiting for the lock of the host; nothing was changed',
        );
      });
    }
    await writeHolder(file, { pid: process.pid, command, since: now().toISOString() });
  } catch (error) {
    await letGo(file);
    throw error;
  }
  return { release: () => letGo(file) };
}

/** The kernel releases the lock even if the disk answers the close with an error. */
async function letGo(file: FileHandle): Promise<void> {
  await file.close().catch(() => undefined);
}

function takeLock(file: FileHandle): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const child = spawn('flock', ['-x', '-n', '3'], { stdio: ['ignore', 'ignore', 'pipe', file.fd] });
    let stderr = '';
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      stderr += text;
    });
    child.once('error', (error) =>
      reject(cannot('the host cannot be locked', error, 'install flock(1) (util-linux)')),
    );
    child.once('close', (code) => {
      if (code === 0 || code === HELD) resolve(code === 0);
      else
        reject(
          cannot(
            'the host cannot be locked',
            new Error(stderr.trim()),
            'check that the state folder is on a local disk',
          ),
        );
    });
  });
}

async function writeHolder(file: FileHandle, holder: LockHolder): Promise<void> {
  try {
    await file.truncate(0);
    await file.write(`${JSON.stringify(holder)}\n`, 0);
  } catch (error) {
    throw cannot('the lock of the host cannot be written', error, 'nothing was changed');
  }
}

/** What the holder wrote; undefined if it has not written yet, or if the disk does not return it. */
async function readHolder(file: FileHandle): Promise<LockHolder | undefined> {
  const buffer = Buffer.alloc(16_384);
  try {
    const { bytesRead } = await file.read(buffer, 0, buffer.length, 0);
    return holderSchema.parse(JSON.parse(buffer.toString('utf8', 0, bytesRead)));
  } catch {
    return undefined;
  }
}

function locked(hostname: string, holder: LockHolder | undefined): TunerError {
  const who =
    holder === undefined
      ? 'another run'
      : `process ${holder.pid} (${JSON.stringify(holder.command)}, since ${holder.since})`;
  return new TunerError(
    'TUNE_LOCKED',
    `host ${JSON.stringify(hostname)} is being tuned by ${who}; try again later, or wait with --wait DURATION`,
  );
}

import { type ChildProcess, fork, spawnSync } from 'node:child_process';
import { mkdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { LabError } from '../run.ts';
import type { Control } from './controls.ts';
import { Errno } from './file-system.ts';

/**
 * A mounted file system that hangs, fails or fills up when a test wants it to: the kernel's own waiting, not a stand-in for
 * it. Needs root and /dev/fuse.
 */
export class FaultyDisk {
  readonly path: string;
  readonly #process: ChildProcess;

  private constructor(path: string, child: ChildProcess) {
    this.path = path;
    this.#process = child;
  }

  /** @param path a folder; it is created */
  static async mount(path: string, sizeKiB = 8_192): Promise<FaultyDisk> {
    mkdirSync(path, { recursive: true });
    const child = fork(join(import.meta.dirname, 'mount.ts'), [path, String(sizeKiB)], {
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    });
    const disk = new FaultyDisk(path, child);
    await disk.#answer();
    return disk;
  }

  /**
   * Nothing is answered until `release`. The process that waits for the first request cannot be killed, as with a disk that
   * does not answer.
   */
  hold(): Promise<void> {
    return this.#set('isHeld', 1);
  }

  release(): Promise<void> {
    return this.#set('isHeld', 0);
  }

  /** Nothing is answered until `resume`, and SIGKILL ends all that waits, as with an NFS server that is gone. */
  stop(): Promise<void> {
    return this.#set('isStopped', 1);
  }

  resume(): Promise<void> {
    return this.#set('isStopped', 0);
  }

  /** Each request takes so long; 0 for a disk that is not slow. */
  slow(delayMs: number): Promise<void> {
    return this.#set('delayMs', delayMs);
  }

  /** Reads, writes and changes of folders fail with EIO, until `repair`. */
  async fail(): Promise<void> {
    await this.#set('readErrno', Errno.EIO);
    await this.failWrites('EIO');
  }

  /** Writes and changes of folders fail: EIO of a broken disk, EROFS of a file system that the kernel made read-only. */
  failWrites(code: 'EIO' | 'EROFS' | 'ENOSPC'): Promise<void> {
    return this.#set('writeErrno', Errno[code]);
  }

  /** Reads of this file fail with EIO, until `repair`: a disk with a sector that cannot be read. */
  failReadsOf(path: string): Promise<void> {
    return this.#set('unreadableNode', statSync(path).ino);
  }

  async repair(): Promise<void> {
    await this.#set('unreadableNode', 0);
    await this.#set('readErrno', 0);
    await this.#set('writeErrno', 0);
  }

  /** Its size from now on; less than what is in it: a full disk. */
  resize(sizeKiB: number): Promise<void> {
    return this.#set('capacityKiB', sizeKiB);
  }

  /** Ends all that waits for it with ENOTCONN, and unmounts it. */
  async unmount(): Promise<void> {
    if (this.#process.exitCode === null && this.#process.signalCode === null) {
      const ended = new Promise((resolve) => this.#process.once('close', resolve));
      this.#process.kill('SIGKILL');
      await ended;
    }
    spawnSync('umount', ['-l', this.path]);
  }

  async #set(name: Control, value: number): Promise<void> {
    const done = this.#answer();
    this.#process.send([name, value]);
    await done;
  }

  #answer(): Promise<void> {
    return new Promise((resolve, reject) => {
      const ended = (): void => reject(new LabError(`the disk ${this.path} has ended`));
      this.#process.once('close', ended);
      this.#process.once('message', () => {
        this.#process.off('close', ended);
        resolve();
      });
    });
  }
}

import { type ChildProcess, fork, spawnSync } from 'node:child_process';
import { mkdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { LabError } from '../run.ts';
import type { Control } from './controls.ts';
import { Errno } from './file-system.ts';

/**
 * A mounted file system that hangs, fails or fills up on demand, so that processes really block in the kernel. Needs
 * root and
 * /dev/fuse.
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
   * Answers no request until `release`. The process that waits for the first request cannot be killed, as with a hung
   * disk.
   */
  hold(): Promise<void> {
    return this.#set('isHeld', 1);
  }

  release(): Promise<void> {
    return this.#set('isHeld', 0);
  }

  /** Answers nothing until `resume`; SIGKILL ends waiting processes, as with an NFS server that is down. */
  stop(): Promise<void> {
    return this.#set('isStopped', 1);
  }

  resume(): Promise<void> {
    return this.#set('isStopped', 0);
  }

  /** Delays each request by this time; 0 for no delay. */
  slow(delayMs: number): Promise<void> {
    return this.#set('delayMs', delayMs);
  }

  /** Makes reads, writes and changes of folders fail with EIO until `repair`. */
  async fail(): Promise<void> {
    await this.#set('readErrno', Errno.EIO);
    await this.failWrites('EIO');
  }

  /** Makes writes and changes of folders fail: EIO for a broken disk, EROFS after a read-only remount by the kernel. */
  failWrites(code: 'EIO' | 'EROFS' | 'ENOSPC'): Promise<void> {
    return this.#set('writeErrno', Errno[code]);
  }

  /** Makes reads of this file fail with EIO until `repair`, like a disk with an unreadable sector. */
  failReadsOf(path: string): Promise<void> {
    return this.#set('unreadableNode', statSync(path).ino);
  }

  async repair(): Promise<void> {
    await this.#set('unreadableNode', 0);
    await this.#set('readErrno', 0);
    await this.#set('writeErrno', 0);
  }

  /** Sets its size; less than its contents makes it a full disk. */
  resize(sizeKiB: number): Promise<void> {
    return this.#set('capacityKiB', sizeKiB);
  }

  /** Ends everything that waits for it with ENOTCONN, and unmounts it. */
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

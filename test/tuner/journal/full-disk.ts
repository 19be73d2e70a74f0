import { type FileHandle, open } from 'node:fs/promises';
import { vi } from 'vitest';

const probe = await open('/dev/null', 'w');
const prototype: FileHandle = Object.getPrototypeOf(probe);
await probe.close();

/**
 * Makes writes fail as on a full disk, after this many bytes and while `full` returns true. Ends with
 * `vi.restoreAllMocks()`.
 */
export function fillDisk(after = 0, full: () => boolean = () => true): void {
  const { write } = prototype;
  let left = after;
  const short = function (this: FileHandle, bytes: Buffer, offset = 0, length = 0, position = 0) {
    if (!full()) return Reflect.apply(write, this, [bytes, offset, length, position]);
    if (left <= 0) {
      return Promise.reject(Object.assign(new Error('ENOSPC: no space left on device'), { code: 'ENOSPC' }));
    }
    const now = Math.min(length, left);
    left -= now;
    return Reflect.apply(write, this, [bytes, offset, now, position]);
  };
  vi.spyOn(prototype, 'write').mockImplementation(short as FileHandle['write']);
}

import { accessSync, constants, mkdtempSync, readFileSync, rmSync, statfsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const SHARED_MEMORY = '/dev/shm';
const ENOUGH_BYTES = 2 ** 30;

/**
 * Creates a temporary folder for a run of the unit tests, and deletes it at the end. It is in memory if there is room:
 * journals sync to disk after each record, and tests kill them at each one. It also has the compile cache of `virtune`,
 * which tests start hundreds of times.
 */
export function setup(): () => void {
  const folder = mkdtempSync(join(hasRoomInMemory() ? SHARED_MEMORY : tmpdir(), 'virtune-tests-'));
  process.env['TMPDIR'] = folder;
  process.env['NODE_COMPILE_CACHE'] = join(folder, 'compiled');
  return () => rmSync(folder, { recursive: true, force: true });
}

function hasRoomInMemory(): boolean {
  try {
    accessSync(SHARED_MEMORY, constants.W_OK);
    const { bavail, bsize } = statfsSync(SHARED_MEMORY);
    const mount = readFileSync('/proc/mounts', 'utf8')
      .split('\n')
      .find((line) => line.includes(` ${SHARED_MEMORY} `));
    // Tests write programs to it and run them.
    return bavail * bsize >= ENOUGH_BYTES && mount?.includes('noexec') === false;
  } catch {
    return false;
  }
}

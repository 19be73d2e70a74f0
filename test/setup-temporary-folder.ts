import { accessSync, constants, mkdtempSync, readFileSync, rmSync, statfsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const SHARED_MEMORY = '/dev/shm';
const ENOUGH_BYTES = 2 ** 30;

/**
 * One temporary folder for a run of the unit tests, deleted at its end. In memory where there is room: journals wait for
 * the disk after each record, and tests kill them at each. Compiled code of `virtune`, which tests start hundreds of
 * times, is kept there too.
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
    // Tests write programs and run them.
    return bavail * bsize >= ENOUGH_BYTES && mount?.includes('noexec') === false;
  } catch {
    return false;
  }
}

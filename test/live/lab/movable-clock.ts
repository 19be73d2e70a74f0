import { existsSync, globSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { LabError } from './run.ts';

/** Debian's package has a folder for each architecture. */
const LIBRARIES = '/usr/lib/*/faketime/libfaketimeMT.so.1';

function library(): string {
  const [found] = globSync(LIBRARIES);
  if (found === undefined) throw new LabError('libfaketime is not where Debian has it');
  return found;
}

/**
 * The wall clock of processes that have `env`, which a test sets while they run: CLOCK_REALTIME as they read it
 * (libfaketime), while CLOCK_MONOTONIC and timers go on, as when an administrator or NTP sets the clock of a host.
 */
export class MovableClock {
  readonly #folder = mkdtempSync(join(tmpdir(), 'virtune-clock-'));
  readonly #file = join(this.#folder, 'offset');
  readonly env: NodeJS.ProcessEnv;

  constructor() {
    this.set(0);
    this.env = {
      LD_PRELOAD: library(),
      FAKETIME_TIMESTAMP_FILE: this.#file,
      // Read at each look at the clock, not once in ten seconds.
      FAKETIME_NO_CACHE: '1',
      FAKETIME_DONT_FAKE_MONOTONIC: '1',
      // The name that the library had for it before.
      DONT_FAKE_MONOTONIC: '1',
    };
  }

  /** So many seconds ahead of this machine's clock from now on; less than 0: behind it. */
  set(aheadSeconds: number): void {
    const next = `${this.#file}.new`;
    writeFileSync(next, `${aheadSeconds < 0 ? '' : '+'}${aheadSeconds}\n`);
    renameSync(next, this.#file);
  }

  remove(): void {
    if (existsSync(this.#folder)) rmSync(this.#folder, { recursive: true });
  }
}

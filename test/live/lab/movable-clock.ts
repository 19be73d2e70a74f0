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
 * (libfaketime), while CLOCK_MONOTONIC and timers go on, as when an administrator or NTP sets a host's clock.
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
      // Read whenever the clock is read, not once in ten seconds.
      FAKETIME_NO_CACHE: '1',
      FAKETIME_DONT_FAKE_MONOTONIC: '1',
      // The older name of this variable.
      DONT_FAKE_MONOTONIC: '1',
    };
  }

  /** Sets the clock this many seconds ahead of the machine's; negative: behind it. */
  set(aheadSeconds: number): void {
    const next = `${this.#file}.new`;
    writeFileSync(next, `${aheadSeconds < 0 ? '' : '+'}${aheadSeconds}\n`);
    renameSync(next, this.#file);
  }

  remove(): void {
    if (existsSync(this.#folder)) rmSync(this.#folder, { recursive: true });
  }
}

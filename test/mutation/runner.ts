import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import type { FileReport, Job } from './job.ts';

/** Runs jobs in a child process, and replaces the process when a job does not end. */
export class Runner {
  readonly #bail: number;
  #child: ChildProcess | undefined;

  /** @param bail number of failed tests after which a file is abandoned; 0 for no limit */
  constructor(bail: number) {
    this.#bail = bail;
  }

  /** Undefined if it timed out or crashed the process. */
  async run(job: Job, timeoutMs: number): Promise<FileReport | undefined> {
    this.#child ??= fork(join(import.meta.dirname, 'engine.ts'), [String(this.#bail)], {
      stdio: ['ignore', 'ignore', process.env['VIRTUNE_MUTATION_DEBUG'] ? 'inherit' : 'ignore', 'ipc'],
    });
    const child = this.#child;
    const over = new AbortController();
    const timer = setTimeout(() => over.abort(), timeoutMs);
    try {
      const ended = once(child, 'exit', { signal: over.signal }).then(() => undefined);
      const reported = once(child, 'message', { signal: over.signal }).then(
        ([report]) => report as FileReport,
      );
      child.send(job);
      const report = await Promise.race([reported, ended]);
      if (report === undefined) this.stop();
      return report;
    } catch (error) {
      if (!over.signal.aborted) throw error;
      this.stop();
      return undefined;
    } finally {
      clearTimeout(timer);
      over.abort();
    }
  }

  stop(): void {
    this.#child?.kill('SIGKILL');
    this.#child = undefined;
  }
}

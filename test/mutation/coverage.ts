import { globSync, readFileSync } from 'node:fs';
import { NOT_COUNTED } from './folders.ts';
import type { TestReport } from './job.ts';
import type { Mutant } from './mutants.ts';
import { type Probed, withProbes } from './probes.ts';
import type { Runner } from './runner.ts';

/** Tests of one file that reach a mutant, and their duration. */
export interface Reaching {
  readonly file: string;
  readonly tests: readonly string[];
  readonly ms: number;
}

const WHOLE_FILE_MS = 300_000;

/** Runs all tests once with probes in the sources, to find the tests that reach each mutant: the fastest first. */
export class Coverage {
  readonly #probed = new Map<string, Probed>();
  readonly #reports = new Map<string, readonly TestReport[]>();

  constructor(sources: ReadonlyMap<string, string>) {
    let probes = 0;
    for (const [file, text] of sources) {
      this.#probed.set(file, withProbes(text, probes));
      probes += text.length;
    }
  }

  /** @param tests folders or files of tests */
  async measure(tests: readonly string[], runner: Runner, say: (text: string) => void): Promise<void> {
    const sources = Object.fromEntries([...this.#probed].map(([file, { text }]) => [file, text]));
    const files = tests.flatMap((each) => (each.endsWith('.ts') ? [each] : globSync(`${each}/**/*.test.ts`)));
    for (const file of files.sort()) {
      if (NOT_COUNTED.some((pattern) => pattern.test(file))) continue;
      const report = await runner.run({ file, sources }, WHOLE_FILE_MS);
      if (report === undefined) say(`${file} did not end`);
      const passed = report?.tests.filter(({ state }) => state === 'passed') ?? [];
      if (report?.failed) {
        const failed = report.tests.filter(({ state }) => state === 'failed').map(({ name }) => name);
        say(
          `${file} fails without a mutant, its passing tests count: ${[...report.errors, ...failed].join('; ')}`,
        );
      }
      this.#reports.set(
        file,
        passed.filter(({ name }) => !NOT_COUNTED.some((pattern) => pattern.test(name))),
      );
    }
  }

  reaching(mutant: Mutant): Reaching[] {
    const probe = this.#probed.get(mutant.file)?.probeOf(mutant);
    if (probe === undefined) return [];
    return [...this.#reports]
      .map(([file, reports]) => {
        const tests = reports.filter(({ hits }) => hits.includes(probe));
        return { file, tests: tests.map(({ id }) => id), ms: tests.reduce((sum, { ms }) => sum + ms, 0) };
      })
      .filter(({ tests }) => tests.length > 0)
      .sort((a, b) => a.ms - b.ms);
  }
}

export function readSources(globs: readonly string[]): Map<string, string> {
  return new Map(
    globSync([...globs])
      .sort()
      .map((file) => [file, readFileSync(file, 'utf8')]),
  );
}

import { join } from 'node:path';
import { createVitest, type TestCase } from 'vitest/node';
import type { FileReport, Job, TestReport } from './job.ts';

/**
 * A separate process, with one vitest that stays loaded: it takes jobs as messages, puts their sources in the place of
 * those on disk and runs their tests. Its tests run in threads, so that they end with it when it is killed.
 */
const ROOT = join(import.meta.dirname, '../..');
const sources = new Map<string, string>();

const vitest = await createVitest(
  'test',
  {
    root: ROOT,
    watch: false,
    update: false,
    pool: 'threads',
    maxWorkers: 1,
    // A cached transform of a mutant could be mistaken for the file's.
    fsModuleCache: false,
    cache: false,
    bail: Number(process.argv[2]),
    reporters: [{}],
    silent: true,
    setupFiles: [join(import.meta.dirname, 'hits.ts')],
  },
  {
    plugins: [
      {
        name: 'mutation',
        enforce: 'pre',
        load: (id) => sources.get(id),
      },
    ],
  },
);

process.on('message', (job: Job) => void run(job).then((report) => process.send?.(report)));
process.on('disconnect', () => process.exit());

async function run(job: Job): Promise<FileReport> {
  for (const path of sources.keys()) vitest.invalidateFile(path);
  sources.clear();
  for (const [file, text] of Object.entries(job.sources)) {
    sources.set(join(ROOT, file), text);
    vitest.invalidateFile(join(ROOT, file));
  }
  const project = vitest.getRootProject();
  const testIds = job.tests === undefined ? {} : { testIds: [...job.tests] };
  const path = join(ROOT, job.file);
  const result = await vitest.runTestSpecifications([project.createSpecification(path, testIds)]);
  // Includes modules that failed in an earlier run.
  const testModules = result.testModules.filter(({ moduleId }) => moduleId === path);
  const { unhandledErrors } = result;
  return {
    tests: testModules.flatMap((module) => [...module.children.allTests()].map(reportOf)),
    failed: unhandledErrors.length > 0 || testModules.some((module) => module.state() === 'failed'),
    errors: [...unhandledErrors, ...testModules.flatMap((module) => module.errors())].map(messageOf),
  };
}

function messageOf(error: unknown): string {
  return typeof error === 'object' && error !== null && 'message' in error
    ? String(error.message)
    : String(error);
}

function reportOf(test: TestCase): TestReport {
  return {
    id: test.id,
    name: test.fullName,
    state: test.result().state,
    ms: test.diagnostic()?.duration ?? 0,
    hits: test.meta().hits ?? [],
  };
}

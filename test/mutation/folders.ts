/** Files to mutate, and the tests that should notice. */
export interface Folder {
  readonly name: string;
  /** Globs of its source files. */
  readonly sources: readonly string[];
  /** Folders of tests that may notice; only those that reach the mutant are run. */
  readonly tests: readonly string[];
}

export const FOLDERS: readonly Folder[] = [
  {
    name: 'sampler',
    sources: ['sampler/**/*.ts'],
    tests: ['test/sampler', 'test/exporter/missing-series.test.ts', 'test/exporter/families.test.ts'],
  },
  {
    name: 'model',
    sources: ['model/rates.ts', 'model/overcommit.ts', 'model/cpu-schedule/*.ts'],
    tests: ['test/model'],
  },
  { name: 'neighbours', sources: ['advice/residency.ts'], tests: ['test/advice/residency.test.ts'] },
  {
    name: 'advice',
    sources: ['advice/**/*.ts'],
    tests: [
      'test/advice',
      'test/cli/advise.test.ts',
      'test/cli/advise-fleet.test.ts',
      'test/docs/advice.test.ts',
    ],
  },
  {
    name: 'catalogue',
    sources: ['model/catalogue/*.ts'],
    tests: [
      'test/model',
      'test/exporter/encode.test.ts',
      'test/exporter/families.test.ts',
      'test/exporter/missing-series.test.ts',
      'test/exporter/documents/documents.test.ts',
      'test/dashboards',
    ],
  },
  {
    name: 'rules',
    sources: ['dashboards/rules/**/*.ts'],
    tests: ['test/dashboards'],
  },
  {
    name: 'placement',
    sources: ['tuner/placement/*.ts'],
    tests: ['test/tuner/placement', 'test/tuner/plan', 'test/tuner/profile'],
  },
  {
    name: 'apply',
    sources: ['tuner/apply/*.ts'],
    // The other histories, which kill a run at every point, take a quarter of an hour.
    tests: [
      'test/tuner/apply',
      'test/tuner/drift',
      'test/tuner/hugepages',
      'test/tuner/histories/out-of-order.test.ts',
      'test/tuner/histories/pages.test.ts',
    ],
  },
];

/**
 * Tests that compare a generated file with its source notice every change, and a developer just regenerates the file,
 * so they do not count. Neither do tests whose code under test runs only in child processes, which have no mutants.
 */
export const NOT_COUNTED: readonly RegExp[] = [
  /dashboards\/built is what the sources say/,
  /the guide has the thresholds that the rules have/,
  /test\/model\/metric-reference\.test\.ts/,
  /test\/tuner\/apply\/kill\.test\.ts/,
];

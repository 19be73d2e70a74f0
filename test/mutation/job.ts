/** One test file to run with changed sources. */
export interface Job {
  readonly file: string;
  /** Only these of its tests; all when absent. */
  readonly tests?: readonly string[];
  /** Texts by path, in the place of those on disk. */
  readonly sources: Readonly<Record<string, string>>;
}

export interface TestReport {
  readonly id: string;
  readonly name: string;
  readonly state: string;
  readonly ms: number;
  /** The probes that ran in it or while its file was loaded. */
  readonly hits: readonly number[];
}

export interface FileReport {
  readonly tests: readonly TestReport[];
  /** A test failed, or the file did not load. */
  readonly failed: boolean;
  /** Outside its tests. */
  readonly errors: readonly string[];
}

/** One test file to run with changed sources. */
export interface Job {
  readonly file: string;
  /** Only these of its tests; absent: all. */
  readonly tests?: readonly string[];
  /** Texts by path that replace those on disk. */
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
  /** Whether a test failed or the file did not load. */
  readonly failed: boolean;
  /** Errors outside its tests. */
  readonly errors: readonly string[];
}

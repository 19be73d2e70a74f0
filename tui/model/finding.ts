export type Severity = 'info' | 'warn' | 'bad';

/** A problem or a risk of a VM, the figure that proves it, and the command that fixes it. */
export interface Finding {
  readonly rule: string;
  readonly severity: Severity;
  readonly text: string;
  /** What was measured or read. */
  readonly evidence: string;
  /** As an argument list; shown quoted for a shell, and never run by virtune. */
  readonly command?: readonly string[] | undefined;
}

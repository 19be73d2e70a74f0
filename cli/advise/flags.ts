import type { SourceFlags } from '../top/sources.ts';

/** `virtune advise`'s flags as commander gives them. */
export interface AdviseFlags extends SourceFlags {
  readonly connect: string;
  readonly demo?: string | true;
  /** Seconds. */
  readonly for: number;
  readonly every: number;
  readonly replay?: string;
  readonly explain?: string;
  readonly json?: boolean;
  readonly profiles: readonly string[];
}

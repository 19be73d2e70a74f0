import type { SourceFlags } from './sources.ts';

/** `virtune top`'s flags as commander gives them. */
export interface TopFlags extends SourceFlags {
  readonly connect?: readonly string[];
  readonly demo?: string | true;
  readonly vms?: number;
  readonly delay?: number;
  readonly iterations?: number;
  readonly batch?: boolean;
  readonly once?: boolean;
  readonly json?: boolean;
  readonly csv?: boolean;
  readonly sort?: string;
  readonly filter?: string;
  readonly view?: string;
  readonly failOn?: readonly string[];
  readonly record?: string;
  readonly replay?: string;
  readonly requests?: boolean;
  readonly theme?: string;
  readonly color: boolean;
  readonly ascii?: boolean;
  readonly mouse: boolean;
  readonly config: boolean;
}

import type { Step, StepDomain } from '../steps/step.ts';
import type { PlanBasis } from './plan-basis.ts';

/** A domain of a transaction, as its plan saw it. */
export interface TransactionDomain {
  readonly domain: StepDomain;
  readonly profile: string | undefined;
  /** The running domain's XML; undefined while it does not run. */
  readonly live: string | undefined;
  /** Its definition, with secrets; undefined for a transient one. */
  readonly inactive: string | undefined;
}

/** Steps on one host, applied completely or not at all. */
export interface Transaction {
  /** From `newTransactionId`. */
  readonly id: string;
  readonly uri: string;
  readonly hostname: string;
  /** As it was typed. */
  readonly command: string;
  /** Only restores what an earlier transaction set; does not count as a last change. Absent: a requested change. */
  readonly kind?: 'restore' | undefined;
  readonly domains: readonly TransactionDomain[];
  readonly steps: readonly Step[];
  /** Notes to print at the end, such as what waits for a boot. */
  readonly notes: readonly string[];
  /** What its plan looked at and what must not have changed; absent if it depends on nothing else. */
  readonly basis?: PlanBasis | undefined;
  /** CPUs that its plan reserved for the host, as a list; absent: the default. */
  readonly hostCpus?: string | undefined;
}

/** A step that could not be undone. */
export interface Remainder {
  readonly step: Step;
  readonly message: string;
}

/** The outcome of a transaction. */
export interface TransactionOutcome {
  readonly id: string;
  /** `incomplete`: not everything could be restored, and the transaction stays open for `recover`. */
  readonly kind: 'committed' | 'undone' | 'rolled back' | 'incomplete';
  /** What went wrong, if anything did. */
  readonly failure: { readonly code: string; readonly message: string } | undefined;
  readonly remains: readonly Remainder[];
  readonly notes: readonly string[];
}

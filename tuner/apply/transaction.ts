import type { Step, StepDomain } from '../steps/step.ts';
import type { PlanBasis } from './plan-basis.ts';

/** A domain that a transaction is about, as its plan saw it. */
export interface TransactionDomain {
  readonly domain: StepDomain;
  readonly profile: string | undefined;
  /** The running domain's XML; undefined while it does not run. */
  readonly live: string | undefined;
  /** Its definition, with secrets; undefined for a transient one. */
  readonly inactive: string | undefined;
}

/** All steps on one host, done completely or not at all. */
export interface Transaction {
  /** From `newTransactionId`. */
  readonly id: string;
  readonly uri: string;
  readonly hostname: string;
  /** As it was typed. */
  readonly command: string;
  /** It only puts back what an earlier one set, and is nobody's last change. Absent: a change that somebody wanted. */
  readonly kind?: 'restore' | undefined;
  readonly domains: readonly TransactionDomain[];
  readonly steps: readonly Step[];
  /** Notes to print when it is done: what waits for a boot, for one. */
  readonly notes: readonly string[];
  /** What its plan looked at, which has to be so still; absent for one that stands on nothing else. */
  readonly basis?: PlanBasis | undefined;
  /** CPUs that its plan kept for the host, as a list; absent: the default. */
  readonly hostCpus?: string | undefined;
}

/** Something that could not be put back. */
export interface Remainder {
  readonly step: Step;
  readonly message: string;
}

/** What has become of a transaction. */
export interface TransactionOutcome {
  readonly id: string;
  /** `incomplete`: not all could be put back, and the transaction stays open for `recover`. */
  readonly kind: 'committed' | 'undone' | 'rolled back' | 'incomplete';
  /** What went wrong, where something did. */
  readonly failure: { readonly code: string; readonly message: string } | undefined;
  readonly remains: readonly Remainder[];
  readonly notes: readonly string[];
}

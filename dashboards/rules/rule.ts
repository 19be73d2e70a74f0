import type { RuleContext } from './context.ts';
import type { Duration } from './duration.ts';
import type { RecordedName } from './recording.ts';
import type { Value } from './reference.ts';

/** What the expression of an alert may need besides its thresholds. */
export interface AlertContext extends RuleContext {
  /** A selector of a recorded series; a name that no rule records does not compile. */
  readonly recorded: (name: RecordedName, ...matchers: readonly string[]) => string;
  /** A selector of alerts, pending or firing, by a regular expression for their names. */
  readonly alerts: (names: string, ...matchers: readonly string[]) => string;
}

/** `none` is for an alert that always fires, so that its absence is noticed. */
export type Severity = 'critical' | 'warning' | 'info' | 'none';

/** What the alert is about; critical silences warning only where this, host, VM and device are the same. */
export type Component =
  | 'cpu'
  | 'memory'
  | 'disk'
  | 'network'
  | 'vm'
  | 'fleet-cpu'
  | 'fleet-memory'
  | 'fleet-hugepages'
  | 'numa'
  | 'tuning'
  | 'snapshot'
  | 'libvirt'
  | 'virtune'
  | 'virtune-elasticsearch'
  | 'virtune-output'
  | 'virtune-otlp';

/**
 * What an alert names: a VM on a host, a host, the hosts of a cluster together, or nothing but that virtune's series are
 * there at all.
 */
export type Subject = 'vm' | 'host' | 'fleet' | 'monitoring';

/** A number that a site may change, and why it is what it is. */
export interface Threshold {
  readonly value: number;
  readonly unit: Unit;
  /** Who says so: a document, another tool, or a reason of ours. */
  readonly from: string;
}

export type Unit =
  | 'ratio'
  | 'share'
  | 'seconds'
  | 'per second'
  | 'pages per second'
  | 'bytes per second'
  | 'count';

export type Thresholds<K extends string> = Readonly<Record<K, Threshold>>;
export type Values<K extends string> = Readonly<Record<K, Value>>;

export interface AlertRule<K extends string = string> {
  readonly alert: string;
  readonly severity: Severity;
  readonly subject: Subject;
  /** Further labels of its series that an override may match: each selector, or each side of an `or`, has them. */
  readonly labels?: readonly string[];
  /** Absent for an alert that is not about a fault. */
  readonly component?: Component;
  /** Alerts that its expression counts: without them it never fires. */
  readonly dependsOn?: readonly string[];
  /** How long the expression must hold before the alert fires. */
  readonly for: Duration;
  readonly thresholds: Thresholds<K>;
  expr(values: Values<K>, context: AlertContext): string;
  /** One line: what is wrong, where, and the figure. Go templates, as Prometheus takes them. */
  summary(values: Values<K>): string;
  /** What it does to whom, and the first thing to do. */
  description(values: Values<K>): string;
}

/** Declares an alert; only so does the compiler tie what `expr` reads to `thresholds`. */
export function alert<const K extends string = never>(rule: AlertRule<K>): AlertRule {
  return rule;
}

export interface AlertGroup {
  readonly name: string;
  readonly help: string;
  readonly alerts: readonly AlertRule[];
}

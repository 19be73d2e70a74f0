import type { RuleContext } from './context.ts';
import type { Duration } from './duration.ts';
import type { RecordedName } from './recording.ts';
import type { Value } from './reference.ts';

/** Inputs of an alert's expression besides its thresholds. */
export interface AlertContext extends RuleContext {
  /** A selector of a recorded series; the type rejects unknown names. */
  readonly recorded: (name: RecordedName, ...matchers: readonly string[]) => string;
  /** A selector of pending or firing alerts, by a regular expression for their names. */
  readonly alerts: (names: string, ...matchers: readonly string[]) => string;
}

/** `none`: always fires, so that its absence is noticed. */
export type Severity = 'critical' | 'warning' | 'info' | 'none';

/** The affected component; critical inhibits warning only if component, host, VM and device are equal. */
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

/** What an alert names: a VM on a host, a host, the hosts of a cluster, or only the presence of virtune's series. */
export type Subject = 'vm' | 'host' | 'fleet' | 'monitoring';

/** A number that a site can change, and its rationale. */
export interface Threshold {
  readonly value: number;
  readonly unit: Unit;
  /** Source of the value: a document, another tool, or our reasoning. */
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
  /** Additional labels of its series that an override may match: each selector, or each side of an `or`, has them. */
  readonly labels?: readonly string[];
  /** Absent for an alert that does not report a fault. */
  readonly component?: Component;
  /** Alerts that its expression counts, without which it never fires. */
  readonly dependsOn?: readonly string[];
  /** How long the expression must hold before the alert fires. */
  readonly for: Duration;
  readonly thresholds: Thresholds<K>;
  expr(values: Values<K>, context: AlertContext): string;
  /** One line: the problem, its location and the value. A Go template of Prometheus. */
  summary(values: Values<K>): string;
  /** The impact and the first step. */
  description(values: Values<K>): string;
}

/** Declares an alert; the function lets the compiler check that `expr` only uses declared `thresholds`. */
export function alert<const K extends string = never>(rule: AlertRule<K>): AlertRule {
  return rule;
}

export interface AlertGroup {
  readonly name: string;
  readonly help: string;
  readonly alerts: readonly AlertRule[];
}

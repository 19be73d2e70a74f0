import type { Duration } from './duration.ts';

/** What an expression may need besides its thresholds. */
export interface RuleContext {
  /** A range in brackets' place; shorter where time is compressed, as tests do. */
  readonly range: (duration: Duration) => Duration;
  /** The matcher of virtune's own scrapes, for series that every job has. */
  readonly ofVirtune: string;
}

/** A series that Prometheus precomputes, so that no panel and no alert evaluates it for a thousand hosts. */
export interface RecordingRule {
  /** level:metric:operation, as Prometheus' own guide has it. */
  readonly record: string;
  readonly help: string;
  readonly expr: (context: RuleContext) => string;
}

export type Severity = 'critical' | 'warning' | 'info';

/** What the alert is about; critical silences warning only where this, host, VM and device are the same. */
export type Component =
  | 'cpu'
  | 'memory'
  | 'disk'
  | 'network'
  | 'vm'
  | 'fleet-cpu'
  | 'fleet-memory'
  | 'numa'
  | 'tuning'
  | 'snapshot'
  | 'virtune';

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
export type Values<K extends string> = Readonly<Record<K, number>>;

export interface AlertRule<K extends string = string> {
  readonly alert: string;
  readonly severity: Severity;
  readonly component: Component;
  /** How long the expression must hold before the alert fires. */
  readonly for: Duration;
  readonly thresholds: Thresholds<K>;
  expr(values: Values<K>, context: RuleContext): string;
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

import * as dashboard from '@grafana/grafana-foundation-sdk/dashboard';
import { alertGroups } from '../rules/alerts/all.ts';

/** An alert's threshold that a panel shows. */
export interface Limit {
  readonly alert: string;
  readonly threshold: string;
}

/** Position of a limit's value in a built dashboard, so that a site's threshold can replace it. */
export interface LimitPlace extends Limit {
  readonly path: readonly (string | number)[];
}

const limits = new WeakMap<object, Limit>();

/**
 * Thresholds for colours, taken from alerts, so that a panel changes colour when an alert fires. `first` is the colour
 * of values well below them.
 * @throws RangeError when there is no such alert or threshold, so that a typo fails the build
 */
export function limitsOf(
  first: string,
  ...steps: readonly (readonly [color: string, alert: string, threshold: string])[]
): dashboard.ThresholdsConfigBuilder {
  return new dashboard.ThresholdsConfigBuilder().mode(dashboard.ThresholdsMode.Absolute).steps([
    // JSON has no minus infinity: the first step has no value.
    { value: null, color: first },
    ...steps.map(([color, alert, threshold]) => {
      const step: dashboard.Threshold = { value: thresholdOf({ alert, threshold }), color };
      limits.set(step, { alert, threshold });
      return step;
    }),
  ]);
}

/** A single colour, regardless of the value. */
export function noLimit(color = 'text'): dashboard.ThresholdsConfigBuilder {
  return limitsOf(color);
}

/** The default, without a site's settings. */
export function thresholdOf({ alert, threshold }: Limit): number {
  const declared = alertGroups.flatMap(({ alerts }) => alerts).find((rule) => rule.alert === alert)
    ?.thresholds[threshold];
  if (declared === undefined) throw new RangeError(`alert ${alert} has no threshold ${threshold}`);
  return declared.value;
}

/** Finds the limits in a built dashboard. */
export function* limitPlaces(built: unknown, path: readonly (string | number)[] = []): Generator<LimitPlace> {
  if (typeof built !== 'object' || built === null) return;
  const limit = limits.get(built);
  if (limit !== undefined) yield { ...limit, path: [...path, 'value'] };
  for (const [key, value] of Object.entries(built)) {
    yield* limitPlaces(value, [...path, Array.isArray(built) ? Number(key) : key]);
  }
}

import { parseSeconds } from '../../model/duration.ts';
import type { AlertRule } from './rule.ts';
import type { AlertSettings } from './settings.ts';

interface OverrideFault {
  /** Index of the override in its list. */
  readonly index: number;
  readonly message: string;
}

/**
 * Overrides that never apply, or that change nothing. An override with the same values as the defaults is an exception
 * from later overrides, so only trailing ones have no effect.
 */
export function overrideFaults(rule: AlertRule, { overrides = [], ...base }: AlertSettings): OverrideFault[] {
  const declared: Readonly<Record<string, unknown>> = {
    ...Object.fromEntries(Object.entries(rule.thresholds).map(([name, { value }]) => [name, value])),
    for: parseSeconds(rule.for),
    severity: rule.severity,
    off: false,
  };
  const isSame = (changes: Readonly<Record<string, unknown>>): boolean =>
    (base.off === true && changes['off'] !== false) ||
    Object.entries(changes).every(([name, value]) => value === (base[name] ?? declared[name]));
  const faults: OverrideFault[] = [];
  const seen = new Map<string, number>();
  const lastChange = overrides.findLastIndex(({ match: _, ...changes }) => !isSame(changes));
  for (const [index, { match }] of overrides.entries()) {
    const key = JSON.stringify(match);
    const earlier = seen.get(key);
    if (earlier !== undefined)
      faults.push({
        index,
        message: `it never applies: overrides.${earlier} matches the same and comes first; merge the two`,
      });
    else if (index > lastChange)
      faults.push({
        index,
        message:
          base.off === true
            ? `it changes nothing: ${rule.alert} is off; add off: false to the override, or remove it`
            : `it changes nothing: ${rule.alert} has these values without it; change one, or remove the override`,
      });
    seen.set(key, seen.get(key) ?? index);
  }
  return faults;
}
